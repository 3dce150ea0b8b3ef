;; A gadget that does a little of everything, for the tests of `gadget run`. On every event of the source "open" it
;;
;;   sets the field "seen" it added to the number of events so far, and "copy" to what "fname" holds
;;   emits [{"count": seen}] on the array source "totals" it made, every EVERY events (parameter; 0: no such source)
;;   traps when pid is 13, loops for ever when it is 14
;;
;; With parameter "quiet" it unreferences "open". gadgetStop logs "stopped" and emits the total a last time.
(module
  (import "ig" "getDataSource" (func $get_source (param i64) (result i32)))
  (import "ig" "newDataSource" (func $new_source (param i64 i32) (result i32)))
  (import "ig" "dataSourceUnreference" (func $unreference (param i32) (result i32)))
  (import "ig" "dataSourceGetField" (func $get_field (param i32 i64) (result i32)))
  (import "ig" "dataSourceAddField" (func $add_field (param i32 i64 i32) (result i32)))
  (import "ig" "dataSourceSubscribe" (func $subscribe (param i32 i32 i32 i64) (result i32)))
  (import "ig" "dataSourceNewPacketArray" (func $new_array (param i32) (result i32)))
  (import "ig" "dataArrayNew" (func $new_row (param i32) (result i32)))
  (import "ig" "dataArrayAppend" (func $append (param i32 i32) (result i32)))
  (import "ig" "dataSourceEmitAndRelease" (func $emit (param i32 i32) (result i32)))
  (import "ig" "fieldGetScalar" (func $get_scalar (param i32 i32 i32 i32) (result i64)))
  (import "ig" "fieldGetBuffer" (func $get_buffer (param i32 i32 i32 i64) (result i32)))
  (import "ig" "fieldSet" (func $set (param i32 i32 i32 i64) (result i32)))
  (import "ig" "getParamValue" (func $param (param i64 i64) (result i32)))
  (import "ig" "gadgetLog" (func $log (param i32 i64)))
  (memory (export "memory") 2)
  (data (i32.const 0x10) "open")
  (data (i32.const 0x20) "pid")
  (data (i32.const 0x30) "fname")
  (data (i32.const 0x40) "seen")
  (data (i32.const 0x50) "copy")
  (data (i32.const 0x60) "totals")
  (data (i32.const 0x70) "count")
  (data (i32.const 0x80) "every")
  (data (i32.const 0x90) "quiet")
  (data (i32.const 0xa0) "ready")
  (data (i32.const 0xb0) "stopped")
  (data (i32.const 0xc0) "no data source open")
  (global $totals (mut i32) (i32.const 0))
  (global $pid (mut i32) (i32.const 0))
  (global $fname (mut i32) (i32.const 0))
  (global $seen (mut i32) (i32.const 0))
  (global $copy (mut i32) (i32.const 0))
  (global $count (mut i32) (i32.const 0))
  (global $events (mut i64) (i64.const 0))
  (global $every (mut i64) (i64.const 0))

  (func (export "gadgetAPIVersion") (result i64) (i64.const 1))

  (func (export "gadgetInit") (result i32)
    (local $open i32)
    (local.set $open (call $get_source (i64.const 0x4_00000010)))
    (if (i32.eqz (local.get $open)) (then
      (call $log (i32.const 0) (i64.const 0x13_000000c0))
      (return (i32.const 1))))
    (global.set $pid (call $get_field (local.get $open) (i64.const 0x3_00000020)))
    (global.set $fname (call $get_field (local.get $open) (i64.const 0x5_00000030)))
    (global.set $seen (call $add_field (local.get $open) (i64.const 0x4_00000040) (i32.const 9)))
    (global.set $copy (call $add_field (local.get $open) (i64.const 0x4_00000050) (i32.const 12)))
    (global.set $every (call $number (i64.const 0x5_00000080)))
    (if (i64.ne (global.get $every) (i64.const 0)) (then
      (global.set $totals (call $new_source (i64.const 0x6_00000060) (i32.const 2)))
      (global.set $count (call $add_field (global.get $totals) (i64.const 0x5_00000070) (i32.const 9)))))
    (if (i64.ne (call $number (i64.const 0x5_00000090)) (i64.const 0)) (then
      (drop (call $unreference (local.get $open)))))
    (call $log (i32.const 2) (i64.const 0x5_000000a0))
    (call $subscribe (local.get $open) (i32.const 1) (i32.const 0) (i64.const 0)))

  ;; The value of a parameter as a decimal number; 0 when there is none.
  (func $number (param $key i64) (result i64)
    (local $at i32) (local $value i64)
    (memory.fill (i32.const 0x200) (i32.const 0) (i32.const 32))
    (if (call $param (local.get $key) (i64.const 0x20_00000200)) (then (return (i64.const 0))))
    (block $end (loop $digits
      (br_if $end (i32.eqz (i32.load8_u offset=0x200 (local.get $at))))
      (local.set $value (i64.add (i64.mul (local.get $value) (i64.const 10))
        (i64.sub (i64.load8_u offset=0x200 (local.get $at)) (i64.const 48))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $digits)))
    (local.get $value))

  (func (export "dataSourceCallback") (param i64 i32) (param $data i32)
    (local $number i64) (local $length i32)
    (local.set $number (call $get_scalar (global.get $pid) (local.get $data) (i32.const 8) (i32.const 0x300)))
    (if (i64.eq (local.get $number) (i64.const 13)) (then unreachable))
    (if (i64.eq (local.get $number) (i64.const 14)) (then (loop $forever (br $forever))))
    (global.set $events (i64.add (global.get $events) (i64.const 1)))
    (drop (call $set (global.get $seen) (local.get $data) (i32.const 9) (global.get $events)))
    (local.set $length
      (call $get_buffer (global.get $fname) (local.get $data) (i32.const 12) (i64.const 0x8000_00008000)))
    (drop (call $set (global.get $copy) (local.get $data) (i32.const 12)
      (i64.or (i64.const 0x8000) (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 32)))))
    (if (i64.ne (global.get $every) (i64.const 0)) (then
      (if (i64.eqz (i64.rem_u (global.get $events) (global.get $every))) (then (call $total))))))

  (func $total
    (local $array i32) (local $row i32)
    (local.set $array (call $new_array (global.get $totals)))
    (local.set $row (call $new_row (local.get $array)))
    (drop (call $set (global.get $count) (local.get $row) (i32.const 9) (global.get $events)))
    (drop (call $append (local.get $array) (local.get $row)))
    (drop (call $emit (global.get $totals) (local.get $array))))

  (func (export "gadgetStop") (result i32)
    (call $log (i32.const 2) (i64.const 0x7_000000b0))
    (if (i64.ne (global.get $every) (i64.const 0)) (then (call $total)))
    (i32.const 0)))
