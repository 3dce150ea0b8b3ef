;; Blocks of this module's memory, in classes of 16, 32, 64, ... bytes with one list of free blocks each.
;;
;;   free block:  [next free block of the class: u32][...]
;;
;; Blocks carry no header: whoever frees one knows its size. A class never gives blocks back to another, so a run
;; that repeats itself stops growing after its first turn.

;; 0 for 1..16 bytes, 1 for 17..32, ...
(func $heap_class (@inline) (param $size i32) (result i32)
  (i32.sub (i32.const 28)
    (i32.clz (i32.or (i32.sub (local.get $size) (i32.const 1)) (i32.const 15)))))

;; The bytes a block of that size really has.
(func $heap_capacity (@inline) (param $size i32) (result i32)
  (i32.shl (i32.const 16) (call $heap_class (local.get $size))))

;; The list of free blocks of that size.
(func $heap_list (@inline) (param $size i32) (result i32)
  (i32.add (i32.const {control.free}) (i32.shl (call $heap_class (local.get $size)) (i32.const 2))))

;; A block of at least $size bytes (1 .. 1 GiB), not cleared; 0 when the plane may not grow any further.
(func $heap_new (@inline) (param $size i32) (result i32)
  (local $list i32) (local $block i32)
  (local.set $list (call $heap_list (local.get $size)))
  (if (i32.le_u (i32.sub (local.get $size) (i32.const 1)) (i32.const {heap.MOST}))
    (then
      (if (local.tee $block (i32.load (local.get $list)))
        (then
          (i32.store (local.get $list) (i32.load (local.get $block)))
          (return (local.get $block))))))
  (call $heap_extend (local.get $size)))

;; A block from the top of the heap.
(func $heap_extend (param $size i32) (result i32)
  (local $block i32) (local $capacity i32)
  (if (i32.gt_u (i32.sub (local.get $size) (i32.const 1)) (i32.const {heap.MOST}))
    (then (return (i32.const 0))))
  (local.set $capacity (call $heap_capacity (local.get $size)))
  (if (i32.eqz (call $heap_reserve (local.get $capacity)))
    (then (return (i32.const 0))))
  (local.set $block (i32.load (i32.const {control.heap_top})))
  (i32.store (i32.const {control.heap_top}) (i32.add (local.get $block) (local.get $capacity)))
  (local.get $block))

;; Makes room for $bytes above the top: half as much memory again, or at least what is needed.
(func $heap_reserve (param $bytes i32) (result i32)
  (local $missing i64) (local $pages i32)
  (local.set $missing
    (i64.sub
      (i64.add (i64.load32_u (i32.const {control.heap_top})) (i64.extend_i32_u (local.get $bytes)))
      (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16))))
  (if (i64.le_s (local.get $missing) (i64.const 0))
    (then (return (i32.const 1))))
  (local.set $pages
    (i32.wrap_i64 (i64.shr_u (i64.add (local.get $missing) (i64.const 0xffff)) (i64.const 16))))
  (if (call $grow
        (select (local.get $pages) (i32.shr_u (memory.size) (i32.const 1))
          (i32.gt_u (local.get $pages) (i32.shr_u (memory.size) (i32.const 1)))))
    (then (return (i32.const 1))))
  (call $grow (local.get $pages)))

(func $heap_free (@inline) (param $block i32) (param $size i32)
  (local $list i32)
  (local.set $list (call $heap_list (local.get $size)))
  (i32.store (local.get $block) (i32.load (local.get $list)))
  (i32.store (local.get $list) (local.get $block)))

;; The same for Python.
(func (export "heap_new") (param $size i32) (result i32)
  (call $heap_new (local.get $size)))

(func (export "heap_free") (param $block i32) (param $size i32)
  (call $heap_free (local.get $block) (local.get $size)))
