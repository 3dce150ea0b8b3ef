;; Has no memory, and calls functions that need none and, in gadgetStart, one that is given a pointer.
(module
  (import "ABI" "newDataSource" (func $source (param i64 i32) (result i32)))
  (func (export "malloc") (param i32) (result i32) (i32.const 0))
  (func (export "gadgetAPIVersion") (result i64) (i64.const 1))
  (func (export "gadgetInit") (result i32) 
    (if (i32.eqz (call $source (i64.const 0) (i32.const 1))) (then (return (i32.const 1))))
    (i32.const 0))
  (func (export "gadgetStart") (result i32) (drop (call $source (i64.const 0x4_00000010) (i32.const 1))) (i32.const 0)))
