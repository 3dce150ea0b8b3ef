;; Its gadgetStart takes a parameter.
(module
  (import "ABI" "gadgetLog" (func $log (param i32 i64)))
  (memory (export "memory") 1)
  (data (i32.const 16) "start")
  (func (export "malloc") (param i32) (result i32) (i32.const 0))
  (func (export "gadgetAPIVersion") (result i64) (i64.const 1))
  (func (export "gadgetStart") (param i32) (result i32) (call $log (i32.const 2) (i64.const 0x5_00000010)) (i32.const 0)))
