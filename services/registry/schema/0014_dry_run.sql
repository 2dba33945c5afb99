select make_dry_run('put_organisations');
select make_dry_run('put_people');
select make_dry_run('put_classes');
select make_dry_run('put_enrolments');
select make_dry_run('put_assignments');
select make_dry_run('put_guardians');
select make_dry_run('put_merges');
