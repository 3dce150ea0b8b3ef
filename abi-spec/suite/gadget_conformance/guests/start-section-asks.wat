;; Asks for the value of a parameter of five bytes in its start section; gadgetInit logs it.
(module
  (import "ABI" "gadgetLog" (func $log (param i32 i64)))
  (import "ABI" "getParamValue" (func $param (param i64 i64) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "key")
  (start $section)
  (func $section (if (call $param (i64.const 0x3_00000010) (i64.const 0x5_00000020)) (then (unreachable))))
  (func (export "gadgetAPIVersion") (result i64) (i64.const 1))
  (func (export "gadgetInit") (result i32) (call $log (i32.const 2) (i64.const 0x5_00000020)) (i32.const 0)))
