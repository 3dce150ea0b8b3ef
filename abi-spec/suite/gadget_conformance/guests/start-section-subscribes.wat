;; Makes a data source in its start section and subscribes to it; gadgetInit logs what came of that.
(module
  (import "ABI" "gadgetLog" (func $log (param i32 i64)))
  (import "ABI" "newDataSource" (func $source (param i64 i32) (result i32)))
  (import "ABI" "dataSourceSubscribe" (func $subscribe (param i32 i32 i32 i64) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "minesubscribedrefused")
  (global $failed (mut i32) (i32.const 0))
  (start $section)
  (func $section
    (global.set $failed
      (call $subscribe (call $source (i64.const 0x4_00000010) (i32.const 1)) (i32.const 1) (i32.const 0) (i64.const 7))))
  (func (export "malloc") (param i32) (result i32) (i32.const 0))
  (func (export "gadgetAPIVersion") (result i64) (i64.const 1))
  (func (export "dataSourceCallback") (param i64 i32 i32))
  (func (export "gadgetInit") (result i32)
    (call $log (i32.const 2) (select (i64.const 0x7_0000001e) (i64.const 0xa_00000014) (global.get $failed)))
    (i32.const 0)))
