select make_calls('take_registers');
select make_calls('take_absence_changes');
