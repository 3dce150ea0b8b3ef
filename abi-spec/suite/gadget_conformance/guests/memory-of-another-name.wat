;; Exports its memory under another name, and logs.
(module
  (import "ABI" "gadgetLog" (func $log (param i32 i64)))
  (memory (export "mine") 1) (global (export "memory") i32 (i32.const 0))
  (data (i32.const 16) "fine")
  (func (export "malloc") (param i32) (result i32) (i32.const 0))
  (func (export "gadgetAPIVersion") (result i64) (i64.const 1))
  (func (export "gadgetInit") (result i32) (call $log (i32.const 2) (i64.const 0x4_00000010)) (i32.const 0)))
