;; Levels: 0 error, 1 warn, 2 info, 3 debug, 4 trace; a level beyond them is never enabled. Upstream adds 2 without
;; looking, so that the last two numbers become levels that always are.

(@if {has.gadgetShouldLog} (then
  (func $gadgetShouldLog (export "gadgetShouldLog") (type $gadgetShouldLog) (param $level i32) (result i32)
    (call $count)
    (@if {quirk.should-log-wraps} (then
      (if (i32.ge_u (local.get $level) (i32.const -2)) (then (return (i32.const 1))))))
    (i32.and
      (i32.le_u (local.get $level) (i32.const {LogLevel.LAST}))
      (i32.le_s (local.get $level) (i32.load (i32.const {control.log_level})))))))
