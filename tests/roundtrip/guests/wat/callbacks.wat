;; dataSourceCallback.

(func $n (param $data i32) (result i64)
  (call $scalar (global.get $calls_n) (local.get $data) (i32.const 9)))

(func $middle (param $data i32)
  (local $n i64)
  (local.set $n (call $n (local.get $data)))
  (call $count @"middle" (local.get $n))
  (call $set (global.get $calls_n) (local.get $data) (i32.const 9) (i64.add (local.get $n) (i64.const 1)))
  ;;[ set6
  (i32.store (i32.const 8) (i32.const 0))
  (drop (call $fieldGetScalar (global.get $calls_text) (local.get $data) (i32.const 8) (i32.const 8)))
  (call $answer @"wrong width" (i32.eqz (i32.load (i32.const 8))))
  ;;]
  )

(func $element (param $data i32)
  (local $n i64)
  (local.set $n (call $scalar (global.get $lists_n) (local.get $data) (i32.const 9)))
  (call $count @"element" (local.get $n))
  (call $set (global.get $lists_n) (local.get $data) (i32.const 9) (i64.add (local.get $n) (i64.const 1))))

(func $array (param $array i32)
  (local $row i32)
  (call $count @"array of" (i64.extend_i32_u (call $dataArrayLen (local.get $array))))
  (local.set $row (call $dataArrayNew (local.get $array)))
  (call $set (global.get $lists_n) (local.get $row) (i32.const 9) (i64.const 99))
  (call $must (i32.eqz (call $dataArrayAppend (local.get $array) (local.get $row)))))

(func (export "dataSourceCallback") (param $callback i64) (param $source i32) (param $data i32)
  (if (i64.eq (local.get $callback) (i64.const 1)) (then (call $copy_event (local.get $data)) (return)))
  (if (i64.eq (local.get $callback) (i64.const 2)) (then (call $copy_rows (local.get $data)) (return)))
  (if (i64.eq (local.get $callback) (i64.const 11))
    (then (call $count @"data" (call $n (local.get $data))) (return)))
  (if (i64.eq (local.get $callback) (i64.const 12))
    (then (call $count @"packet" (call $n (local.get $data))) (return)))
  (if (i64.eq (local.get $callback) (i64.const 13)) (then (call $middle (local.get $data)) (return)))
  (if (i64.eq (local.get $callback) (i64.const 21)) (then (call $element (local.get $data)) (return)))
  (if (i64.eq (local.get $callback) (i64.const 22)) (then (call $array (local.get $data)) (return)))
  (call $must (i64.eq (local.get $callback) (i64.const 0x8000000000000017)))
  (call $count @"packet of" (i64.extend_i32_u (call $dataArrayLen (local.get $data)))))
