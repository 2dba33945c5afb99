select make_dry_run('take_marks');
