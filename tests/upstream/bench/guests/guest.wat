;; The benchmark's guest by hand. README.md says what every guest does.
;;   16 "events"   32 "pid"   48 "text"   64 "calls"   80 its digits   96 where errors go   1024 the text
(module
  (import "ig" "getDataSource" (func $getDataSource (param i64) (result i32)))
  (import "ig" "dataSourceGetField" (func $getField (param i32 i64) (result i32)))
  (import "ig" "dataSourceSubscribe" (func $subscribe (param i32 i32 i32 i64) (result i32)))
  (import "ig" "getParamValue" (func $getParamValue (param i64 i64) (result i32)))
  (import "ig" "fieldGetScalar" (func $getScalar (param i32 i32 i32 i32) (result i64)))
  (import "ig" "fieldGetBuffer" (func $getBuffer (param i32 i32 i32 i64) (result i32)))
  (import "ig" "fieldSet" (func $set (param i32 i32 i32 i64) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "events")
  (data (i32.const 32) "pid")
  (data (i32.const 48) "text")
  (data (i32.const 64) "calls")
  (global $pid (mut i32) (i32.const 0))
  (global $text (mut i32) (i32.const 0))
  (global $calls (mut i32) (i32.const 0))

  (func (export "gadgetAPIVersion") (result i64) (i64.const 1))

  (func (export "gadgetInit") (result i32)
    (local $source i32)
    (local.set $source (call $getDataSource (i64.const 0x600000010)))
    (global.set $pid (call $getField (local.get $source) (i64.const 0x300000020)))
    (global.set $text (call $getField (local.get $source) (i64.const 0x400000030)))
    (if (call $getParamValue (i64.const 0x500000040) (i64.const 0x700000050)) (then (return (i32.const 1))))
    (call $readNumber)
    (call $subscribe (local.get $source) (i32.const 1) (i32.const 0) (i64.const 0)))

  (func $readNumber
    (local $at i32)
    (local.set $at (i32.const 80))
    (block $end
      (loop $digits
        (br_if $end (i32.eqz (i32.load8_u (local.get $at))))
        (global.set $calls
          (i32.add
            (i32.mul (global.get $calls) (i32.const 10))
            (i32.sub (i32.load8_u (local.get $at)) (i32.const 48))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $digits))))

  (func $readPid (param $data i32) (result i64)
    (call $getScalar (global.get $pid) (local.get $data) (i32.const 8) (i32.const 96)))

  (func (export "dataSourceCallback") (param i64 i32) (param $data i32)
    (local $left i32)
    (local.set $left (global.get $calls))
    (block $rounded
      (loop $rounds
        (br_if $rounded (i32.lt_u (local.get $left) (i32.const 3)))
        (call $round (local.get $data))
        (local.set $left (i32.sub (local.get $left) (i32.const 3)))
        (br $rounds)))
    (block $end
      (loop $reads
        (br_if $end (i32.eqz (local.get $left)))
        (drop (call $readPid (local.get $data)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $reads)))
    (if (i32.load (i32.const 96)) (then (unreachable))))

  (func $round (param $data i32)
    (local $number i64)
    (local $length i32)
    (local.set $number (call $readPid (local.get $data)))
    (local.set $length
      (call $getBuffer (global.get $text) (local.get $data) (i32.const 12) (i64.const 0x100000000400)))
    (if (i32.lt_s (local.get $length) (i32.const 1)) (then (unreachable)))
    (i32.store8 offset=1024
      (local.get $length)
      (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $number) (i64.const 10)))))
    (if
      (call $set (global.get $text) (local.get $data) (i32.const 12)
        (i64.or (i64.const 1025) (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 32))))
      (then (unreachable)))))
