select make_rounds('put_organisations');
select make_rounds('put_people');
select make_rounds('put_classes');
select make_rounds('put_enrolments');
select make_rounds('put_assignments');
select make_rounds('put_guardians');
select make_rounds('put_merges');
