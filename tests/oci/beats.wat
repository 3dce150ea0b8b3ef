;; A gadget that needs nothing but a host: it makes the single source "beats" with the field "number" (Uint64), and
;; emits 1, 2, 3 on it when it is started.
(module
  (import "ig" "newDataSource" (func $new_source (param i64 i32) (result i32)))
  (import "ig" "dataSourceAddField" (func $add_field (param i32 i64 i32) (result i32)))
  (import "ig" "dataSourceNewPacketSingle" (func $new_packet (param i32) (result i32)))
  (import "ig" "dataSourceEmitAndRelease" (func $emit (param i32 i32) (result i32)))
  (import "ig" "fieldSet" (func $set (param i32 i32 i32 i64) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0x10) "beats")
  (data (i32.const 0x20) "number")
  (global $beats (mut i32) (i32.const 0))
  (global $number (mut i32) (i32.const 0))

  (func (export "_initialize"))
  (func (export "gadgetAPIVersion") (result i64) (i64.const 1))

  (func (export "gadgetInit") (result i32)
    (global.set $beats (call $new_source (i64.const 0x5_00000010) (i32.const 1)))
    (global.set $number (call $add_field (global.get $beats) (i64.const 0x6_00000020) (i32.const 9)))
    (i32.const 0))

  (func (export "gadgetStart") (result i32)
    (call $beat (i64.const 1))
    (call $beat (i64.const 2))
    (call $beat (i64.const 3))
    (i32.const 0))

  (func $beat (param $count i64)
    (local $packet i32)
    (local.set $packet (call $new_packet (global.get $beats)))
    (drop (call $set (global.get $number) (local.get $packet) (i32.const 9) (local.get $count)))
    (drop (call $emit (global.get $beats) (local.get $packet)))))
