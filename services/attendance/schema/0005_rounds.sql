select make_rounds('take_registers');
select make_rounds('take_absence_changes');
