select make_calls('put_organisations');
select make_calls('put_people');
select make_calls('put_classes');
select make_calls('put_enrolments');
select make_calls('put_assignments');
select make_calls('put_guardians');
select make_calls('put_merges');
