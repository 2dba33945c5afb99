select make_dry_run('take_registers');
select make_dry_run('take_absence_changes');
