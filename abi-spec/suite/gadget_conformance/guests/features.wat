;; Uses what WebAssembly 2.0 has beyond 1.0: several results, sign extension, saturating conversion, bulk memory,
;; references, vectors.
(module
  (import "ABI" "gadgetLog" (func $log (param i32 i64)))
  (memory (export "memory") 1)
  (data (i32.const 16) "fine")
  (table 1 funcref)
  (func (export "malloc") (param i32) (result i32) (i32.const 0))
  (func (export "gadgetAPIVersion") (result i64) (i64.const 1))
  (func $two (result i32 i32) (i32.const 1) (i32.const 2))
  (func (export "gadgetInit") (result i32)
    (call $two) (drop) (drop)
    (table.set (i32.const 0) (ref.null func))
    (memory.fill (i32.const 64) (i32.const 1) (i32.const 16))
    (memory.copy (i32.const 96) (i32.const 64) (i32.const 16))
    (drop (i32.extend8_s (i32.const 255)))
    (drop (i32.trunc_sat_f32_s (f32.const nan)))
    (call $log (i32.const 2) (i64.const 0x4_00000010))
    (i32.sub (i8x16.extract_lane_u 3 (v128.load (i32.const 96))) (i32.const 1))))
