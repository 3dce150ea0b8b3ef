;; What sets 2, 3 and 4 do in gadgetStart.

;;[ set2
;;[ malloc
(func $tell_param (param $text i64) (param $key i64)
  (local $value i64)
  (local.set $value (call $getParamValue (local.get $key)))
  (call $must (i32.eqz (i64.eqz (local.get $value))))
  (call $tell (local.get $text) (local.get $value))
  (call $free (local.get $value)))
(func $params
  (call $tell_param @"text" @"text")
  (call $tell_param @"long" @"long")
  (call $answer @"missing parameter" (i32.eqz (i64.eqz (call $getParamValue @"nothing")))))
;;]
;;[ !malloc
(func $tell_param (param $text i64) (param $key i64)
  (call $must (i32.eqz (call $getParamValue (local.get $key) (call $cleared (i32.const 4096)))))
  (call $tell (local.get $text) (call $cut (call $pack (i32.const 65536) (i32.const 4096)))))
(func $params
  (call $tell_param @"text" @"text")
  (call $tell_param @"long" @"long")
  (call $answer @"missing parameter"
    (i32.eqz (call $getParamValue @"nothing" (call $cleared (i32.const 4096))))))
;;]
;;]

;;[ set3
(func $key (param $key i32) (result i64)
  (i32.store (i32.const 16) (local.get $key))
  (call $pack (i32.const 16) (i32.const 4)))
(func $value (param $value i64) (result i64)
  (i64.store (i32.const 24) (local.get $value))
  (call $pack (i32.const 24) (i32.const 8)))
(func $look_up (param $text i64) (param $map i32) (param $key i32)
  (if (call $mapLookup (local.get $map) (call $key (local.get $key)) (call $value (i64.const 0)))
    (then (call $answer (local.get $text) (i32.const 0)))
    (else (call $count (local.get $text) (i64.load (i32.const 24))))))
(func $update (param $text i64) (param $map i32) (param $key i32) (param $value i64) (param $flags i64)
  (call $answer (local.get $text) (i32.eqz (call $mapUpdate (local.get $map)
    (call $key (local.get $key)) (call $value (local.get $value)) (local.get $flags)))))
(func $maps
  (local $numbers i32) (local $made i32)
  (local.set $numbers (call $getMap @"numbers"))
  (call $look_up @"value 1" (local.get $numbers) (i32.const 1))
  (call $update @"update 2" (local.get $numbers) (i32.const 2) (i64.const 22) (i64.const 0))
  (call $update @"create 2" (local.get $numbers) (i32.const 2) (i64.const 23) (i64.const 1))
  (call $update @"replace 9" (local.get $numbers) (i32.const 9) (i64.const 9) (i64.const 2))
  (call $answer @"delete 1" (i32.eqz (call $mapDelete (local.get $numbers) (call $key (i32.const 1)))))
  (call $answer @"delete 1" (i32.eqz (call $mapDelete (local.get $numbers) (call $key (i32.const 1)))))
  (call $look_up @"value 1" (local.get $numbers) (i32.const 1))
  (call $answer @"missing map" (call $getMap @"nothing"))
  (local.set $made
    (call $newMap @"made" (i32.const 1) (i32.const 4) (i32.const 8) (i32.const 4)))
  (call $must (i32.eqz (call $mapUpdate (local.get $made)
    (call $key (i32.const 3)) (call $value (i64.const 33)) (i64.const 0))))
  (call $look_up @"made 3" (local.get $made) (i32.const 3))
  (call $answer @"map released" (i32.eqz (call $mapRelease (local.get $made)))))
;;]

;;[ set4
(func $syscall (param $text i64) (param $number i32)
  ;;[ malloc
  (local $name i64)
  (local.set $name (call $getSyscallName (local.get $number)))
  (call $tell (local.get $text) (local.get $name))
  (call $free (local.get $name)))
  ;;]
  ;;[ !malloc
  (call $must (i32.eqz (call $getSyscallName (local.get $number) (call $cleared (i32.const 64)))))
  (call $tell (local.get $text) (call $cut (call $pack (i32.const 65536) (i32.const 64)))))
  ;;]

;; The declaration goes where no malloc reaches: to the line buffer's second half.
(func $declaration
  (local $at i32) (local $left i32)
  (local.set $at (i32.const 24576))
  (call $must (i32.eqz (call $getSyscallDeclaration @"read" (call $pack (local.get $at) (i32.const 252)))))
  (call $tell @"declared" (call $cut (call $pack (local.get $at) (i32.const 32))))
  (local.set $left (i32.load8_u (i32.add (local.get $at) (i32.const 32))))
  (call $count @"parameters" (i64.extend_i32_u (local.get $left)))
  (local.set $at (i32.add (local.get $at) (i32.const 36)))
  (loop $next
    (call $tell
      (select @"pointer" @"value"
        (i32.and (i32.const 1) (i32.load (i32.add (local.get $at) (i32.const 32)))))
      (call $cut (call $pack (local.get $at) (i32.const 32))))
    (local.set $at (i32.add (local.get $at) (i32.const 36)))
    (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
  (call $answer @"missing declaration" (i32.eqz
    (call $getSyscallDeclaration @"nothing" (call $pack (i32.const 24576) (i32.const 252))))))

(func $record (param $reader i32) (param $text i64)
  (local $result i32) (local $record i64)
  ;;[ malloc
  (i64.store (i32.const 24) (i64.const 0))
  (local.set $result (call $perfReaderRead (local.get $reader) (i32.const 24)))
  (local.set $record (i64.load (i32.const 24)))
  ;;]
  ;;[ !malloc
  (local.set $record (call $pack (i32.const 65536) (i32.const 12)))
  (local.set $result (call $perfReaderRead (local.get $reader) (local.get $record)))
  ;;]
  (if (local.get $result)
    (then
      (call $must (i32.eq (local.get $result) (i32.const 2))) ;; drained
      (call $answer (local.get $text) (i32.const 0)))
    (else
      (call $tell (local.get $text) (local.get $record))
      (call $free (local.get $record)))))

(func $perf
  (local $reader i32)
  (local.set $reader (call $newPerfReader (call $getMap @"events") (i32.const 4096) (i32.const 1)))
  (call $must (i32.eqz (call $perfReaderPause (local.get $reader))))
  (call $record (local.get $reader) @"record")
  (call $record (local.get $reader) @"record")
  (call $record (local.get $reader) @"third record")
  (call $must (i32.eqz (call $perfReaderResume (local.get $reader))))
  (call $answer @"reader closed" (i32.eqz (call $perfReaderClose (local.get $reader)))))

(func $machine
  (call $answer @"handle released" (i32.eqz (call $releaseHandle (call $getMap @"numbers"))))
  (call $syscall @"syscall 0" (i32.const 0))
  (call $syscall @"syscall 4095" (i32.const 4095))
  (call $declaration)
  (call $answer @"symbol round_trip" (call $kallsymsSymbolExists @"round_trip"))
  (call $answer @"symbol nothing" (call $kallsymsSymbolExists @"nothing"))
  (call $perf))
;;]
