select make_rounds('take_marks');
