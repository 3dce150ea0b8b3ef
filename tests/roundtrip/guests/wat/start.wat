;; gadgetPreStart, gadgetStart, gadgetStop and gadgetPostStop; the steps of sets 2 to 4 are in steps.wat.

(func $emit_own
  (local $packet i32) (local $kind i32)
  (local.set $packet (call $dataSourceNewPacketSingle (global.get $out)))
  (local.set $kind (i32.const 1))
  (loop $next
    (call $set (call $handle (local.get $kind) (i32.const 1)) (local.get $packet) (local.get $kind)
      (i64.load (i32.add (i32.const 256) (i32.mul (local.get $kind) (i32.const 8)))))
    (local.set $kind (i32.add (local.get $kind) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $kind) (i32.const 12))))
  (call $set (call $handle (i32.const 12) (i32.const 1)) (local.get $packet) (i32.const 12) @"own \00 ä€😀")
  (call $set (call $handle (i32.const 13) (i32.const 1)) (local.get $packet) (i32.const 12) @"of C")
  (call $set (call $handle (i32.const 14) (i32.const 1)) (local.get $packet) (i32.const 14) @"\00\ff\00")
  (call $must (i32.eqz (call $dataSourceEmitAndRelease (global.get $out) (local.get $packet))))
  (call $must (i32.eqz (call $dataSourceRelease (global.get $out)
    (call $dataSourceNewPacketSingle (global.get $out))))))

(func $emit_rows
  (local $packet i32) (local $row i32) (local $number i32)
  (local.set $packet (call $dataSourceNewPacketArray (global.get $rows_out)))
  (local.set $number (i32.const 1))
  (loop $next
    (local.set $row (call $dataArrayNew (local.get $packet)))
    (call $set (call $handle (i32.const 4) (i32.const 3)) (local.get $row) (i32.const 4)
      (i64.extend_i32_u (local.get $number)))
    (call $must (i32.eqz (call $dataArrayAppend (local.get $packet) (local.get $row))))
    (local.set $number (i32.add (local.get $number) (i32.const 1)))
    (br_if $next (i32.le_u (local.get $number) (i32.const 2))))
  (call $must (i32.eqz (call $dataArrayRelease (local.get $packet) (call $dataArrayNew (local.get $packet)))))
  (call $count @"rows made" (i64.extend_i32_u (call $dataArrayLen (local.get $packet))))
  (call $must (i32.eqz (call $dataSourceEmitAndRelease (global.get $rows_out) (local.get $packet)))))

(func $start
  (call $say @"start")
  (call $gadgetLog (i32.const 0) @"level 0")
  (call $gadgetLog (i32.const 1) @"level 1")
  (call $gadgetLog (i32.const 2) @"level 2")
  (call $gadgetLog (i32.const 3) @"level 3")
  (call $gadgetLog (i32.const 4) @"level 4")
  (call $say @"")
  (call $say @"ä€😀")
  (call $emit_own)
  (call $emit_rows))

;;[ set2
(func (export "gadgetPreStart") (result i32)
  (call $say @"pre-start")
  (i32.const 0))
;;]

(func (export "gadgetStart") (result i32)
  (call $start)
  ;;[ set2
  (call $params)
  ;;]
  ;;[ set3
  (call $maps)
  ;;]
  ;;[ set4
  (call $machine)
  ;;]
  ;;[ set5
  (call $count @"id of openat" (i64.extend_i32_u (call $getSyscallID @"openat")))
  (call $answer @"id of nothing" (i32.ge_s (call $getSyscallID @"nothing") (i32.const 0)))
  ;;]
  ;;[ set7
  (call $answer @"discard 1" (call $shouldDiscardMntnsID (i64.const 1)))
  (call $answer @"discard 2" (call $shouldDiscardMntnsID (i64.const 2)))
  ;;]
  ;;[ set8
  (call $answer @"debug wanted" (call $gadgetShouldLog (i32.const 3)))
  (call $answer @"trace wanted" (call $gadgetShouldLog (i32.const 4)))
  ;;]
  (i32.const 0))

(func (export "gadgetStop") (result i32)
  (local $packet i32)
  (call $say @"stop")
  (local.set $packet (call $dataSourceNewPacketSingle (global.get $out)))
  (call $set (call $handle (i32.const 5) (i32.const 1)) (local.get $packet) (i32.const 5) (i64.const -1))
  (call $must (i32.eqz (call $dataSourceEmitAndRelease (global.get $out) (local.get $packet))))
  ;;[ malloc
  (call $must (i32.eq (global.get $heap) (i32.const 65536))) ;; all that the host allocated was freed
  ;;]
  (i32.const 0))
;;[ set6
(func (export "gadgetPostStop") (result i32)
  (call $say @"post-stop")
  (i32.const 0))
;;]
