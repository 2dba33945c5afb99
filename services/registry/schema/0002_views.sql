-- Registry has no copies: what others find in theirs (intake's schema/0002_copies.sql), libs/auth and the functions for rights
-- find here in the tables themselves.

create view copy_organisation as
select id, name_kk, name_ru, kind, bin, kato, subordinate_to, ownership, languages, shifts, valid_from, valid_to, path, epoch,
       revision
from organisation;

create view copy_class as
select id, organisation, name, type, homerooms, subject, grade, language, shift, academic_year, previous, epoch, revision
from class;

create view copy_enrolment as
select id, learner, class, valid_from, valid_to, mode, epoch, revision from enrolment;

create view copy_assignment as
select id, teacher, class, subject, kind, valid_from, valid_to, epoch, revision, true as counts from assignment;

create view copy_link as
select id, learner, guardian, rights, valid_from, valid_to, status, epoch, revision, true as counts from guardian;

create view copy_account as select id, person, active, locale, roles, epoch, revision, true as counts from account;

create view copy_client as select id, name, node, scopes, active, epoch, revision from client;

create view copy_alias as select id, canonical, entity, epoch, revision from alias;

create view copy_reference as
select list, code, parent, kind, kk, ru, en, valid_from, valid_to, epoch, revision from reference;

create view copy_key as select kid, jwk, retired_at, epoch, revision from public_key;

create view copy_person as select id, family, given, middle, epoch, revision from person;

-- Nothing is ahead of the tables themselves.
create function copy_withhold(p_grants smallint[], p_ids uuid[], p_epochs bigint[], p_revisions bigint[]) returns void
    language sql as '';
