;; The round-trip contract by hand. languages.py makes a module of the files in this directory:
;;   * in front come the imports of the signature set,
;;   * lines between ";;[ FLAG" and ";;]" are kept where the flag is set ("!FLAG": where it is not),
;;   * an @ before a text becomes the constant that points to it, and the text is laid down in memory.
;;
;; Memory: 8 error cell (0 would be none)   16 four bytes of a map's key     24 eight of its value
;;         256 the own event's scalars, 8 bytes each, at 256 + kind * 8
;;         1024 field handles: (in, out, rows, rows_out) x 4 bytes, at 1024 + kind * 16
;;         4096 texts            16 KiB the line that is being written, 16 KiB
;;         64 KiB the buffer for what the host writes, 2 MiB; where the host calls malloc, the heap
(memory (export "memory") 40)
(data (i32.const 264)
  "\01\00\00\00\00\00\00\00" "\80\ff\ff\ff\ff\ff\ff\ff" "\00\80\ff\ff\ff\ff\ff\ff" "\00\00\00\80\ff\ff\ff\ff"
  "\00\00\00\00\00\00\00\80" "\ff\00\00\00\00\00\00\00" "\ff\ff\00\00\00\00\00\00" "\ff\ff\ff\ff\00\00\00\00"
  "\ff\ff\ff\ff\ff\ff\ff\ff" "\00\00\c0\3f\00\00\00\00" "\00\00\00\00\00\00\00\80")
(global $in (mut i32) (i32.const 0))
(global $out (mut i32) (i32.const 0))
(global $rows (mut i32) (i32.const 0))
(global $rows_out (mut i32) (i32.const 0))
(global $calls_n (mut i32) (i32.const 0))
(global $calls_text (mut i32) (i32.const 0))
(global $lists_n (mut i32) (i32.const 0))
(global $end (mut i32) (i32.const 0))

;; ------------------------------------------------------------------------------------------- packed pointers
;; pack(address, length) = length << 32 | address
(func $pack (param $address i32) (param $length i32) (result i64)
  (i64.or (i64.extend_i32_u (local.get $address))
          (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 32))))
(func $address (param $text i64) (result i32) (i32.wrap_i64 (local.get $text)))
(func $length (param $text i64) (result i32) (i32.wrap_i64 (i64.shr_u (local.get $text) (i64.const 32))))
(func $must (param $holds i32) (if (i32.eqz (local.get $holds)) (then unreachable)))

;; the text up to its first NUL
(func $cut (param $text i64) (result i64)
  (local $count i32)
  (block $done
    (loop $next
      (br_if $done (i32.ge_u (local.get $count) (call $length (local.get $text))))
      (br_if $done (i32.eqz (i32.load8_u (i32.add (call $address (local.get $text)) (local.get $count)))))
      (local.set $count (i32.add (local.get $count) (i32.const 1)))
      (br $next)))
  (call $pack (call $address (local.get $text)) (local.get $count)))

;; ------------------------------------------------------------------------------------------------ transcript
(func $say (param $text i64) (call $gadgetLog (i32.const 2) (local.get $text)))
(func $add (param $text i64)
  (memory.copy (global.get $end) (call $address (local.get $text)) (call $length (local.get $text)))
  (global.set $end (i32.add (global.get $end) (call $length (local.get $text)))))
(func $digits (param $number i64)
  (if (i64.ge_u (local.get $number) (i64.const 10))
    (then (call $digits (i64.div_u (local.get $number) (i64.const 10)))))
  (i32.store8 (global.get $end)
    (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $number) (i64.const 10)))))
  (global.set $end (i32.add (global.get $end) (i32.const 1))))
(func $begin (param $text i64)
  (global.set $end (i32.const 16384))
  (call $add (local.get $text))
  (call $add @": "))
(func $finish (call $say (call $pack (i32.const 16384) (i32.sub (global.get $end) (i32.const 16384)))))
(func $tell (param $text i64) (param $value i64)
  (call $begin (local.get $text)) (call $add (local.get $value)) (call $finish))
(func $count (param $text i64) (param $number i64)
  (call $begin (local.get $text)) (call $digits (local.get $number)) (call $finish))
(func $answer (param $text i64) (param $flag i32)
  (call $tell (local.get $text) (select @"yes" @"no" (local.get $flag))))
