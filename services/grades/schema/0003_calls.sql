select make_calls('take_marks');
