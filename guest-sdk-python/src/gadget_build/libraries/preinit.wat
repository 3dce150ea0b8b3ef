;; A dynamic library that componentize-py links in beside CPython, for the time of the snapshot only.
;;
;; componentize-py gives the interpreter no environment of the user's, and the host's clock, random numbers and
;; inode numbers end up in its memory. This library's constructor runs after libpython's and before Py_Initialize:
;;
;; * it sets the environment variables below, so that strings hash alike in every build;
;; * it puts an allocator in front of libc's that zeroes memory before it is used and before it is given up. The
;;   unused tail of a block would otherwise keep what was there before: a modification time, an inode.
;;
;; Importing the library as a Python module gives the allocator back, and raises gadget_preinit.Done.
(module
(@dylink.0 (mem-info (memory 192 4) (table 4 0)) (needed "libc.so" "libpython3.14.so"))
(import "env" "memory" (memory 1))
(import "env" "__indirect_function_table" (table 0 funcref))
(import "env" "__memory_base" (global $base i32))
(import "env" "__table_base" (global $table i32))
(import "env" "setenv" (func $setenv (param i32 i32 i32) (result i32)))
(import "env" "malloc" (func $libc_malloc (param i32) (result i32)))
(import "env" "realloc" (func $libc_realloc (param i32 i32) (result i32)))
(import "env" "free" (func $libc_free (param i32)))
(import "env" "PyMem_GetAllocator" (func $get_allocator (param i32 i32)))
(import "env" "PyMem_SetAllocator" (func $set_allocator (param i32 i32)))
(import "env" "PyErr_NewException" (func $new_exception (param i32 i32 i32) (result i32)))
(import "env" "PyErr_SetNone" (func $set_none (param i32)))

;; +0 name and value of each variable  +64 name of the exception
;; +96 our allocator  +116, +136, +156 those of the domains raw, mem, object: { ctx, malloc, calloc, realloc, free }
(data (global.get $base) "PYTHONHASHSEED\000\00PYTHONDONTWRITEBYTECODE\001\00")
(data (i32.add (global.get $base) (i32.const 64)) "gadget_preinit.Done\00")
(elem (global.get $table) func $malloc $calloc $realloc $free)

(func $at (param $offset i32) (result i32) (i32.add (global.get $base) (local.get $offset)))
(func $slot (param $domain i32) (result i32)
  (call $at (i32.add (i32.const 116) (i32.mul (local.get $domain) (i32.const 20)))))

(func (export "__wasm_call_ctors")
  (local $ours i32) (local $domain i32)
  (drop (call $setenv (call $at (i32.const 0)) (call $at (i32.const 15)) (i32.const 1)))
  (drop (call $setenv (call $at (i32.const 17)) (call $at (i32.const 41)) (i32.const 1)))
  (local.set $ours (call $at (i32.const 96)))
  (i32.store offset=4 (local.get $ours) (global.get $table))
  (i32.store offset=8 (local.get $ours) (i32.add (global.get $table) (i32.const 1)))
  (i32.store offset=12 (local.get $ours) (i32.add (global.get $table) (i32.const 2)))
  (i32.store offset=16 (local.get $ours) (i32.add (global.get $table) (i32.const 3)))
  (loop $next
    (call $get_allocator (local.get $domain) (call $slot (local.get $domain)))
    (call $set_allocator (local.get $domain) (local.get $ours))
    (local.set $domain (i32.add (local.get $domain) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $domain) (i32.const 3)))))

(func (export "PyInit_gadget_preinit") (result i32)
  (local $domain i32)
  (loop $next
    (call $set_allocator (local.get $domain) (call $slot (local.get $domain)))
    (local.set $domain (i32.add (local.get $domain) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $domain) (i32.const 3))))
  (call $set_none (call $new_exception (call $at (i32.const 64)) (i32.const 0) (i32.const 0)))
  (i32.const 0))

;; dlmalloc: the word before a block holds the size of its chunk, four bytes more than can be used, and three flags
(func $usable (param $block i32) (result i32)
  (i32.sub
    (i32.and (i32.load (i32.sub (local.get $block) (i32.const 4))) (i32.const -8))
    (i32.const 4)))

(func $at_least_one (param $size i32) (result i32)
  (select (local.get $size) (i32.const 1) (local.get $size)))

(func $malloc (param $ctx i32) (param $size i32) (result i32)
  (local $block i32)
  (local.set $block (call $libc_malloc (call $at_least_one (local.get $size))))
  (if (local.get $block)
    (then (memory.fill (local.get $block) (i32.const 0) (call $usable (local.get $block)))))
  (local.get $block))

(func $calloc (param $ctx i32) (param $count i32) (param $size i32) (result i32)
  (local $total i64)
  (local.set $total (i64.mul (i64.extend_i32_u (local.get $count)) (i64.extend_i32_u (local.get $size))))
  (if (i64.gt_u (local.get $total) (i64.const 0x7fffffff)) (then (return (i32.const 0))))
  (call $malloc (local.get $ctx) (i32.wrap_i64 (local.get $total))))

(func $realloc (param $ctx i32) (param $block i32) (param $size i32) (result i32)
  (local $before i32) (local $after i32)
  (if (i32.eqz (local.get $block)) (then (return (call $malloc (local.get $ctx) (local.get $size)))))
  (local.set $before (call $usable (local.get $block)))
  (local.set $block (call $libc_realloc (local.get $block) (call $at_least_one (local.get $size))))
  (if (i32.eqz (local.get $block)) (then (return (i32.const 0))))
  (local.set $after (call $usable (local.get $block)))
  (if (i32.gt_u (local.get $after) (local.get $before))
    (then
      (memory.fill
        (i32.add (local.get $block) (local.get $before))
        (i32.const 0)
        (i32.sub (local.get $after) (local.get $before)))))
  (local.get $block))

(func $free (param $ctx i32) (param $block i32)
  (if (local.get $block)
    (then
      (memory.fill (local.get $block) (i32.const 0) (call $usable (local.get $block)))
      (call $libc_free (local.get $block)))))
)
