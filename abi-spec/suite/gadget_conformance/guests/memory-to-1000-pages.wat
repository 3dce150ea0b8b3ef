;; Says that its memory may grow beyond what there can be, and grows it to 256 pages and one more.
(module
  (import "ABI" "gadgetLog" (func $log (param i32 i64)))
  (memory (export "memory") 1 1000)
  (data (i32.const 16) "fine")
  (func (export "malloc") (param i32) (result i32) (i32.const 0))
  (func (export "gadgetAPIVersion") (result i64) (i64.const 1))
  (func (export "gadgetInit") (result i32) 
    (if (i32.ne (memory.grow (i32.const 255)) (i32.const 1)) (then (return (i32.const 1))))
    (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then (return (i32.const 2))))
    (call $log (i32.const 2) (i64.const 0x4_00000010))
    (i32.const 0)))
