;; A floor under WASI 0.2: enough of it, inside the module, for a Python program to meet OSError where it would meet
;; a file system, sockets or a terminal, and to have clocks and random numbers.
;;
;; Exports are named "interface function". What is not here is behind something that cannot be had: a method of a
;; descriptor where no directory is pre-opened, of a socket where none can be made; the linker puts traps there.
;;
;; Canonical ABI, as far as it is used: a result that does not fit a core value goes to memory at the last parameter
;; ($out); result<...> and option<...> are a byte (0: ok/none) and the payload at the payload's alignment; a list is
;; address and length; a handle is any i32.
(module
(import "main" "memory" (memory 0))
(import "main" "__stack_pointer" (global $stack (mut i32)))
(import "libc.so" "malloc" (func $malloc (param i32) (result i32)))
(import "adapters" "print" (func $print (param i32 i32 i32)))
(import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
(import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))

;; ------------------------------------------------------------------------------------------------- nothing is there

(func $empty_list (param $out i32)
  (i32.store (local.get $out) (i32.const 8))  ;; an aligned address that nobody reads
  (i32.store offset=4 (local.get $out) (i32.const 0)))
(export "wasi:cli/environment get-arguments" (func $empty_list))
(export "wasi:cli/environment get-environment" (func $empty_list))
(export "wasi:filesystem/preopens get-directories" (func $empty_list))

(func $none (param $out i32)
  (i32.store8 (local.get $out) (i32.const 0)))
(export "wasi:cli/terminal-stdin get-terminal-stdin" (func $none))
(export "wasi:cli/terminal-stdout get-terminal-stdout" (func $none))
(export "wasi:cli/terminal-stderr get-terminal-stderr" (func $none))

;; result<own<...>, error-code>: wasi:sockets/network error-code, 2 = not-supported
(func $no_socket (param $family i32) (param $out i32)
  (i32.store8 (local.get $out) (i32.const 1))
  (i32.store8 offset=4 (local.get $out) (i32.const 2)))
(export "wasi:sockets/tcp-create-socket create-tcp-socket" (func $no_socket))
(export "wasi:sockets/udp-create-socket create-udp-socket" (func $no_socket))
(func (export "wasi:sockets/ip-name-lookup resolve-addresses")
  (param $network i32) (param $name i32) (param $length i32) (param $out i32)
  (call $no_socket (local.get $network) (local.get $out)))
(func (export "wasi:sockets/instance-network instance-network") (result i32) (i32.const 1))

(func (export "wasi_snapshot_preview1 reset_adapter_state"))

;; -------------------------------------------------------------------------------------------------- standard streams

;; Handles: 1 stdin, 2 stdout, 3 stderr.
(func (export "wasi:cli/stdin get-stdin") (result i32) (i32.const 1))
(func (export "wasi:cli/stdout get-stdout") (result i32) (i32.const 2))
(func (export "wasi:cli/stderr get-stderr") (result i32) (i32.const 3))

;; result<list<u8>, stream-error>: 1 = closed, the end of the input
(func (export "wasi:io/streams [method]input-stream.read") (param $self i32) (param $length i64) (param $out i32)
  (i32.store8 (local.get $out) (i32.const 1))
  (i32.store8 offset=4 (local.get $out) (i32.const 1)))

;; result<u64, stream-error>: how many bytes may be written
(func (export "wasi:io/streams [method]output-stream.check-write") (param $self i32) (param $out i32)
  (i32.store8 (local.get $out) (i32.const 0))
  (i64.store offset=8 (local.get $out) (i64.const 4096)))

;; result<_, stream-error>. A line to the log for each write; the log has line ends of its own.
(func (export "wasi:io/streams [method]output-stream.write")
  (param $self i32) (param $address i32) (param $length i32) (param $out i32)
  (i32.store8 (local.get $out) (i32.const 0))
  (block $nothing
    (br_if $nothing (i32.eqz (local.get $length)))
    (if (i32.eq (i32.load8_u (i32.sub (i32.add (local.get $address) (local.get $length)) (i32.const 1))) (i32.const 10))
      (then (local.set $length (i32.sub (local.get $length) (i32.const 1)))))
    (br_if $nothing (i32.eqz (local.get $length)))
    (call $print (i32.eq (local.get $self) (i32.const 3)) (local.get $address) (local.get $length))))
(func (export "wasi:io/streams [method]output-stream.blocking-flush") (param $self i32) (param $out i32)
  (i32.store8 (local.get $out) (i32.const 0)))

;; ------------------------------------------------------------------------------------------------- waiting: it is over

(func $pollable (param i32) (result i32) (i32.const 1))
(export "wasi:io/streams [method]input-stream.subscribe" (func $pollable))
(export "wasi:io/streams [method]output-stream.subscribe" (func $pollable))
(func $timer (param i64) (result i32) (i32.const 1))
(export "wasi:clocks/monotonic-clock subscribe-duration" (func $timer))
(export "wasi:clocks/monotonic-clock subscribe-instant" (func $timer))
(func (export "wasi:io/poll [method]pollable.block") (param i32))

;; list<u32>: the indices of what is ready, everything
(func (export "wasi:io/poll poll") (param $pollables i32) (param $count i32) (param $out i32)
  (local $list i32) (local $i i32)
  (call $empty_list (local.get $out))
  (local.set $list (call $malloc (i32.shl (local.get $count) (i32.const 2))))
  (if (i32.and (i32.ne (local.get $list) (i32.const 0)) (i32.ne (local.get $count) (i32.const 0)))
    (then
      (loop $next
        (i32.store (i32.add (local.get $list) (i32.shl (local.get $i) (i32.const 2))) (local.get $i))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (local.get $count))))
      (i32.store (local.get $out) (local.get $list))
      (i32.store offset=4 (local.get $out) (local.get $count)))))

;; ------------------------------------------------------------------------------------------------ clocks and randomness

;; record { seconds: u64, nanoseconds: u32 }; $out serves as the place the nanoseconds are read to
(func (export "wasi:clocks/wall-clock now") (param $out i32)
  (local $now i64)
  (if (i32.eqz (call $clock_time_get (i32.const 0) (i64.const 1) (local.get $out)))
    (then (local.set $now (i64.load (local.get $out)))))
  (i64.store (local.get $out) (i64.div_u (local.get $now) (i64.const 1000000000)))
  (i32.store offset=8 (local.get $out) (i32.wrap_i64 (i64.rem_u (local.get $now) (i64.const 1000000000)))))
(func (export "wasi:clocks/wall-clock resolution") (param $out i32)
  (i64.store (local.get $out) (i64.const 0))
  (i32.store offset=8 (local.get $out) (i32.const 1000)))

(func (export "wasi:clocks/monotonic-clock now") (result i64)
  (local $now i64)
  (global.set $stack (i32.sub (global.get $stack) (i32.const 16)))
  (if (i32.eqz (call $clock_time_get (i32.const 1) (i64.const 1) (global.get $stack)))
    (then (local.set $now (i64.load (global.get $stack)))))
  (global.set $stack (i32.add (global.get $stack) (i32.const 16)))
  (local.get $now))
(func (export "wasi:clocks/monotonic-clock resolution") (result i64) (i64.const 1000))

;; list<u8>. There is no way to say no, and bytes that are not random must not be taken for random ones.
(func (export "wasi:random/random get-random-bytes") (param $length i64) (param $out i32)
  (local $list i32) (local $count i32)
  (local.set $count (i32.wrap_i64 (local.get $length)))
  (local.set $list (call $malloc (local.get $count)))
  (if (i32.eqz (local.get $list)) (then (unreachable)))
  (if (call $random_get (local.get $list) (local.get $count)) (then (unreachable)))
  (i32.store (local.get $out) (local.get $list))
  (i32.store offset=4 (local.get $out) (local.get $count)))
)
