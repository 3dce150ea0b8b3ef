;; gadgetInit.

(func (export "gadgetAPIVersion") (result i64) (i64.const 1))

(func $subscribe (param $source i32) (param $type i32) (param $priority i32) (param $callback i64)
  (call $must (i32.eqz (call $dataSourceSubscribe
    (local.get $source) (local.get $type) (local.get $priority) (local.get $callback)))))

(func $find_fields
  (local $kind i32) (local $name i64)
  (local.set $kind (i32.const 1))
  (loop $next
    (local.set $name (call $kind_name (local.get $kind)))
    (call $keep (local.get $kind) (i32.const 0) (call $dataSourceGetField (global.get $in) (local.get $name)))
    (call $keep (local.get $kind) (i32.const 1)
      (call $dataSourceAddField (global.get $out) (local.get $name) (local.get $kind)))
    (call $keep (local.get $kind) (i32.const 2) (call $dataSourceGetField (global.get $rows) (local.get $name)))
    (call $keep (local.get $kind) (i32.const 3)
      (call $dataSourceAddField (global.get $rows_out) (local.get $name) (local.get $kind)))
    (local.set $kind (i32.add (local.get $kind) (i32.const 1)))
    (br_if $next (i32.le_u (local.get $kind) (i32.const 14)))))

(func $find_sources
  (local $calls i32) (local $lists i32)
  (global.set $in (call $getDataSource @"in"))
  (global.set $out (call $newDataSource @"out" (i32.const 1)))
  (global.set $rows (call $getDataSource @"rows"))
  (global.set $rows_out (call $newDataSource @"rows_out" (i32.const 2)))
  (call $find_fields)
  (local.set $calls (call $getDataSource @"calls"))
  (local.set $lists (call $getDataSource @"lists"))
  (global.set $calls_n (call $dataSourceGetField (local.get $calls) @"n"))
  (global.set $calls_text (call $dataSourceGetField (local.get $calls) @"text"))
  (global.set $lists_n (call $dataSourceGetField (local.get $lists) @"n"))
  (call $subscribe (global.get $in) (i32.const 1) (i32.const 0) (i64.const 1))
  (call $subscribe (global.get $rows) (i32.const 2) (i32.const 0) (i64.const 2))
  (call $subscribe (local.get $calls) (i32.const 1) (i32.const 10) (i64.const 11))
  (call $subscribe (local.get $calls) (i32.const 3) (i32.const -10) (i64.const 12))
  (call $subscribe (local.get $calls) (i32.const 1) (i32.const 0) (i64.const 13))
  (call $subscribe (local.get $lists) (i32.const 1) (i32.const 0) (i64.const 21))
  (call $subscribe (local.get $lists) (i32.const 2) (i32.const 10) (i64.const 22))
  ;; the number of a callback has 64 bits
  (call $subscribe (local.get $lists) (i32.const 3) (i32.const -10) (i64.const 0x8000000000000017)))

(func (export "gadgetInit") (result i32)
  ;;[ set3
  (local $hidden i32)
  ;;]
  (call $find_sources)
  (call $say @"init")
  (call $answer @"missing source" (call $getDataSource @"nowhere"))
  (call $answer @"missing field" (call $dataSourceGetField (global.get $in) @"nothing"))
  (call $answer @"second field" (call $dataSourceAddField (global.get $out) @"Bool" (i32.const 1)))
  ;;[ set2
  (call $answer @"config set" (i32.eqz (call $setConfig @"round.trip" @"värde" (i32.const 12))))
  ;;]
  ;;[ set3
  (local.set $hidden (call $newDataSource @"hidden" (i32.const 1)))
  (call $answer @"referenced" (i32.eq (i32.const 1) (call $dataSourceIsReferenced (local.get $hidden))))
  (call $must (i32.eqz (call $dataSourceUnreference (local.get $hidden))))
  (call $answer @"referenced" (i32.eq (i32.const 1) (call $dataSourceIsReferenced (local.get $hidden))))
  (call $answer @"hidden source" (call $getDataSource @"hidden"))
  (call $must (i32.eqz (call $fieldAddTag (call $handle (i32.const 12) (i32.const 1)) @"round:trip")))
  ;;]
  ;;[ set7
  (call $answer @"discard 2" (call $shouldDiscardMntnsID (i64.const 2)))
  ;;]
  (i32.const 0))
