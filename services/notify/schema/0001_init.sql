-- The feed: one row a learner and event, insert-only; what a guardian sees is the union of the feeds of the children that are
-- linked now. Facts and ids only: names, texts and rights are joined when it is read. Numbers of enums: contracts/notify.h, marks.h,
-- registers.h. The position (epoch, xid, seq) is the order in which rows are handed out (libs/outbox/follow.h).
create table feed (
    epoch             bigint not null,
    xid               bigint not null,
    seq               bigint generated always as identity,
    time              timestamptz not null, -- of the event at its source
    learner           uuid not null,
    event             uuid not null,
    corrects          uuid, -- the event that this row takes the place of, for this learner
    kind              smallint not null,
    class             uuid,
    subject           text,
    date              date not null,
    lesson            smallint,
    session           smallint,
    work              smallint,
    points            smallint,
    max_points        smallint,
    value             smallint,
    code              smallint,
    minutes           smallint,
    before_points     smallint, -- as it was before a correction or withdrawal
    before_max_points smallint,
    before_value      smallint,
    before_code       smallint,
    before_minutes    smallint,
    primary key (epoch, xid, seq)
);
create index feed_learner on feed (learner, epoch, xid, seq);
-- What later changes and retractions are about: absences, and what was taken back. A mark that is taken back is found by its learner, who
-- stands in the event; an entry for each mark cost a fifth of all that its row did.
create index feed_event on feed (event) where kind >= 4;

-- What changed a register or an absence in it, and the first register of each chain: a learner whose absence stayed as it was has no
-- row of the later ones.
create table register_chain (
    event uuid primary key,
    first uuid not null
);
create index register_chain_first on register_chain (first);

-- What was read: a position for each guardian and child, only forward.
create table read_position (
    guardian uuid not null,
    child    uuid not null,
    epoch    bigint not null,
    xid      bigint not null,
    seq      bigint not null,
    primary key (guardian, child)
);

-- Rows that were not taken back. A scalar, so that each is looked up by its event, whatever the tables held when that was planned.
create view feed_standing as
select f.* from feed f
where f.kind not in (4, 8) -- mark_retracted, absence_retracted
  and (select true from feed r
       where r.event = f.event and r.learner = f.learner and r.kind in (4, 8)
         and (r.epoch, r.xid, r.seq) > (f.epoch, f.xid, f.seq) limit 1) is null;

-- A feed row as it is shown.
create view feed_shown as
select f.epoch, f.xid, f.seq, f.learner, f.time, f.event, f.corrects, f.kind, f.class, f.subject, f.date,
       f.lesson::integer, f.session, f.work, f.points::integer, f.max_points::integer, f.value, f.code, f.minutes::integer,
       f.before_points::integer, f.before_max_points::integer, f.before_value, f.before_code, f.before_minutes::integer,
       coalesce(a.canonical, f.learner) as child, p.given as name, s.kk as subject_kk, s.ru as subject_ru, s.en as subject_en
from feed f
     left join copy_alias a on a.id = f.learner
     left join copy_person p on p.id = coalesce(a.canonical, f.learner)
     left join copy_reference s on s.list = 'subject' and s.code = f.subject;

-- The right that a row needs (contracts/registry.h, enum guardian_right) as a bit.
create function feed_right(p_kind smallint) returns integer language sql immutable parallel safe as $$
    select case when p_kind <= 4 then 1 << 1 else 1 << 2 end -- marks; attendance
$$;

-- A guardian's children today, each under all of its ids, with the rights of all confirmed links together.
create function inbox_children(p_person uuid, p_today date) returns table (child uuid, learner uuid, rights integer)
    language sql stable as $$
    select k.learner, i.id, k.rights from children_of(p_person, p_today) k cross join lateral ids_of(k.learner) i (id)
$$;

-- What a guardian has read of a child. Where two ids turned out to be one person there is a position for each: the earliest
-- counts, so that nothing passes for read that was not, until the next reading makes them one.
create function read_position_of(p_guardian uuid, p_child uuid) returns table (epoch bigint, xid bigint, seq bigint)
    language sql stable rows 1 as $$
    select r.epoch, r.xid, r.seq from read_position r
    where r.guardian in (select ids_of(p_guardian)) and r.child in (select ids_of(p_child))
    order by r.epoch, r.xid, r.seq limit 1
$$;
