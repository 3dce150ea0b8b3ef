// The round-trip contract in Rust. The file that ROUNDTRIP_ABI names declares the host functions of the signature
// set; set1 to setN and, where the host allocates in the guest, malloc are configured.
#![allow(unexpected_cfgs, non_snake_case)]

use std::cell::Cell;

mod abi {
    include!(env!("ROUNDTRIP_ABI"));
}
#[cfg_attr(malloc, path = "malloc.rs")]
#[cfg_attr(not(malloc), path = "buffers.rs")]
mod handed;
#[cfg(set4)]
mod machine;
#[cfg(set3)]
mod maps;

const SINGLE: u32 = 1;
const ARRAY: u32 = 2;
const ON_DATA: u32 = 1;
const ON_ARRAY: u32 = 2;
const ON_PACKET: u32 = 3;
const INT32: usize = 4;
const INT64: usize = 5;
#[cfg(set6)]
const UINT32: usize = 8;
const UINT64: usize = 9;
const STRING: usize = 12;
const CSTRING: usize = 13;
const BYTES: usize = 14;
const NAMES: [&str; 15] = [
    "", "Bool", "Int8", "Int16", "Int32", "Int64", "Uint8", "Uint16", "Uint32", "Uint64", "Float32",
    "Float64", "String", "CString", "Bytes",
];
const LISTS_PACKET: u64 = 1 << 63 | 23; // the number of a callback has 64 bits

#[derive(Clone, Copy, Default)]
struct Handles {
    input: u32,
    out: u32,
    rows: u32,
    rows_out: u32,
    calls_n: u32,
    #[cfg(set6)]
    calls_text: u32,
    lists_n: u32,
    from_input: [u32; 15],
    to_out: [u32; 15],
    from_rows: [u32; 15],
    to_rows: [u32; 15],
}

thread_local! {
    static HANDLES: Cell<Handles> = Cell::default();
}

fn handles() -> Handles {
    HANDLES.get()
}

// ---------------------------------------------------------------------------------------------- packed pointers

fn packed(bytes: &[u8]) -> u64 {
    (bytes.len() as u64) << 32 | bytes.as_ptr() as usize as u64
}

#[cfg(set3)]
fn packed_mut(bytes: &mut [u8]) -> u64 {
    (bytes.len() as u64) << 32 | bytes.as_mut_ptr() as usize as u64
}

fn text(text: &str) -> u64 {
    packed(text.as_bytes())
}

// ------------------------------------------------------------------------------------------------- transcript

fn say(line: &str) {
    unsafe { abi::gadgetLog(2, text(line)) }
}

fn tell(what: &str, value: impl std::fmt::Display) {
    say(&format!("{what}: {value}"));
}

fn answer(what: &str, yes: bool) {
    tell(what, if yes { "yes" } else { "no" });
}

/// A text up to its first NUL: the host does not tell lengths.
#[cfg(set4)]
fn cut(raw: &[u8]) -> String {
    let length = raw.iter().position(|&byte| byte == 0).unwrap_or(raw.len());
    String::from_utf8(raw[..length].to_vec()).unwrap()
}

/// A scalar; None when the host says that there is none.
#[cfg(set6)]
fn checked(field: u32, data: u32, kind: usize) -> Option<u64> {
    let mut error = 0u32;
    let value = unsafe { abi::fieldGetScalar(field, data, kind as u32, &raw mut error as usize as u32) };
    (unsafe { std::ptr::read_volatile(&error) } == 0).then_some(value)
}

/// fieldSet gives 0, and before sig-6 the field's handle, which is not 1 here: the source "in" came first.
fn set(field: u32, data: u32, kind: usize, value: u64) {
    assert_ne!(1, unsafe { abi::fieldSet(field, data, kind as u32, value) });
}

// ---------------------------------------------------------------------------------------------- copying events

fn copy(get: &[u32; 15], put: &[u32; 15], from: u32, to: u32) {
    for kind in 1..NAMES.len() {
        if kind < STRING {
            set(put[kind], to, kind, handed::scalar(get[kind], from, kind));
        } else {
            let access = if kind == BYTES { BYTES } else { STRING }; // CString is not a kind of access
            let value = handed::bytes(get[kind], from, access);
            set(put[kind], to, access, packed(&value));
        }
    }
}

fn emit(source: u32, packet: u32) {
    assert_eq!(0, unsafe { abi::dataSourceEmitAndRelease(source, packet) });
}

fn append(array: u32, row: u32) {
    assert_eq!(0, unsafe { abi::dataArrayAppend(array, row) });
}

fn copy_event(h: &Handles, data: u32) {
    let packet = unsafe { abi::dataSourceNewPacketSingle(h.out) };
    copy(&h.from_input, &h.to_out, data, packet);
    emit(h.out, packet);
}

fn copy_rows(h: &Handles, data: u32) {
    let packet = unsafe { abi::dataSourceNewPacketArray(h.rows_out) };
    for index in 0..unsafe { abi::dataArrayLen(data) } {
        let row = unsafe { abi::dataArrayNew(packet) };
        copy(&h.from_rows, &h.to_rows, unsafe { abi::dataArrayGet(data, index) }, row);
        append(packet, row);
    }
    emit(h.rows_out, packet);
}

// ----------------------------------------------------------------------------------------------- gadgetInit

#[no_mangle]
extern "C" fn gadgetAPIVersion() -> u64 {
    1
}

fn source(name: &str) -> u32 {
    unsafe { abi::getDataSource(text(name)) }
}

fn field(source: u32, name: &str) -> u32 {
    unsafe { abi::dataSourceGetField(source, text(name)) }
}

fn subscribe(source: u32, kind: u32, priority: i32, callback: u64) {
    assert_eq!(0, unsafe { abi::dataSourceSubscribe(source, kind, priority as u32, callback) });
}

fn find_sources() -> Handles {
    let mut h = Handles { input: source("in"), rows: source("rows"), ..Handles::default() };
    h.out = unsafe { abi::newDataSource(text("out"), SINGLE) };
    h.rows_out = unsafe { abi::newDataSource(text("rows_out"), ARRAY) };
    for kind in 1..NAMES.len() {
        h.from_input[kind] = field(h.input, NAMES[kind]);
        h.to_out[kind] = unsafe { abi::dataSourceAddField(h.out, text(NAMES[kind]), kind as u32) };
        h.from_rows[kind] = field(h.rows, NAMES[kind]);
        h.to_rows[kind] = unsafe { abi::dataSourceAddField(h.rows_out, text(NAMES[kind]), kind as u32) };
    }
    let (calls, lists) = (source("calls"), source("lists"));
    h.calls_n = field(calls, "n");
    #[cfg(set6)]
    {
        h.calls_text = field(calls, "text");
    }
    h.lists_n = field(lists, "n");
    subscribe(h.input, ON_DATA, 0, 1);
    subscribe(h.rows, ON_ARRAY, 0, 2);
    subscribe(calls, ON_DATA, 10, 11);
    subscribe(calls, ON_PACKET, -10, 12);
    subscribe(calls, ON_DATA, 0, 13);
    subscribe(lists, ON_DATA, 0, 21);
    subscribe(lists, ON_ARRAY, 10, 22);
    subscribe(lists, ON_PACKET, -10, LISTS_PACKET);
    h
}

#[no_mangle]
extern "C" fn gadgetInit() -> u32 {
    let h = find_sources();
    HANDLES.set(h);
    say("init");
    answer("missing source", source("nowhere") != 0);
    answer("missing field", field(h.input, "nothing") != 0);
    answer("second field", unsafe { abi::dataSourceAddField(h.out, text("Bool"), 1) } != 0);
    #[cfg(set2)]
    {
        let failed = unsafe { abi::setConfig(text("round.trip"), text("värde"), STRING as u32) };
        answer("config set", failed == 0);
    }
    #[cfg(set3)]
    hide(&h);
    #[cfg(set7)]
    answer("discard 2", unsafe { abi::shouldDiscardMntnsID(2) } == 1);
    0
}

#[cfg(set3)]
fn hide(h: &Handles) {
    let hidden = unsafe { abi::newDataSource(text("hidden"), SINGLE) };
    answer("referenced", unsafe { abi::dataSourceIsReferenced(hidden) } == 1);
    assert_eq!(0, unsafe { abi::dataSourceUnreference(hidden) });
    answer("referenced", unsafe { abi::dataSourceIsReferenced(hidden) } == 1);
    answer("hidden source", source("hidden") != 0);
    assert_eq!(0, unsafe { abi::fieldAddTag(h.to_out[STRING], text("round:trip")) });
}

// ----------------------------------------------------------------------------------------------- gadgetStart

fn emit_own(h: &Handles) {
    let scalars: [u64; 11] = [
        1,
        i8::MIN as u64,
        i16::MIN as u64,
        i32::MIN as u64,
        i64::MIN as u64,
        u8::MAX as u64,
        u16::MAX as u64,
        u32::MAX as u64,
        u64::MAX,
        1.5f32.to_bits() as u64,
        (-0.0f64).to_bits(),
    ];
    let packet = unsafe { abi::dataSourceNewPacketSingle(h.out) };
    for (index, bits) in scalars.into_iter().enumerate() {
        set(h.to_out[index + 1], packet, index + 1, bits);
    }
    set(h.to_out[STRING], packet, STRING, text("own \0 ä€😀"));
    set(h.to_out[CSTRING], packet, STRING, text("of C"));
    set(h.to_out[BYTES], packet, BYTES, packed(b"\x00\xff\x00"));
    emit(h.out, packet);
    assert_eq!(0, unsafe { abi::dataSourceRelease(h.out, abi::dataSourceNewPacketSingle(h.out)) });
}

fn emit_rows(h: &Handles) {
    let packet = unsafe { abi::dataSourceNewPacketArray(h.rows_out) };
    for number in 1..=2 {
        let row = unsafe { abi::dataArrayNew(packet) };
        set(h.to_rows[INT32], row, INT32, number);
        append(packet, row);
    }
    assert_eq!(0, unsafe { abi::dataArrayRelease(packet, abi::dataArrayNew(packet)) });
    tell("rows made", unsafe { abi::dataArrayLen(packet) });
    emit(h.rows_out, packet);
}

#[cfg(set2)]
fn params() {
    for key in ["text", "long"] {
        tell(key, handed::param(key).expect("a parameter"));
    }
    answer("missing parameter", handed::param("nothing").is_some());
}

#[cfg(set2)]
#[no_mangle]
extern "C" fn gadgetPreStart() -> u32 {
    say("pre-start");
    0
}

#[no_mangle]
extern "C" fn gadgetStart() -> u32 {
    say("start");
    for level in 0..=4 {
        unsafe { abi::gadgetLog(level, text(&format!("level {level}"))) };
    }
    say("");
    say("ä€😀");
    emit_own(&handles());
    emit_rows(&handles());
    #[cfg(set2)]
    params();
    #[cfg(set3)]
    maps::run();
    #[cfg(set4)]
    machine::run();
    #[cfg(set5)]
    {
        tell("id of openat", unsafe { abi::getSyscallID(text("openat")) });
        answer("id of nothing", unsafe { abi::getSyscallID(text("nothing")) } as i32 >= 0);
    }
    #[cfg(set7)]
    {
        answer("discard 1", unsafe { abi::shouldDiscardMntnsID(1) } == 1);
        answer("discard 2", unsafe { abi::shouldDiscardMntnsID(2) } == 1);
    }
    #[cfg(set8)]
    {
        answer("debug wanted", unsafe { abi::gadgetShouldLog(3) } == 1);
        answer("trace wanted", unsafe { abi::gadgetShouldLog(4) } == 1);
    }
    0
}

// ------------------------------------------------------------------------------------------------- callbacks

fn middle(h: &Handles, data: u32) {
    let n = handed::scalar(h.calls_n, data, UINT64);
    tell("middle", n);
    set(h.calls_n, data, UINT64, n + 1);
    #[cfg(set6)]
    answer("wrong width", checked(h.calls_text, data, UINT32).is_some());
}

fn element(h: &Handles, data: u32) {
    let n = handed::scalar(h.lists_n, data, UINT64);
    tell("element", n);
    set(h.lists_n, data, UINT64, n + 1);
}

fn array(h: &Handles, data: u32) {
    tell("array of", unsafe { abi::dataArrayLen(data) });
    let row = unsafe { abi::dataArrayNew(data) };
    set(h.lists_n, row, UINT64, 99);
    append(data, row);
}

#[no_mangle]
extern "C" fn dataSourceCallback(callback: u64, _source: u32, data: u32) {
    let h = handles();
    match callback {
        1 => copy_event(&h, data),
        2 => copy_rows(&h, data),
        11 => tell("data", handed::scalar(h.calls_n, data, UINT64)),
        12 => tell("packet", handed::scalar(h.calls_n, data, UINT64)),
        13 => middle(&h, data),
        21 => element(&h, data),
        22 => array(&h, data),
        LISTS_PACKET => tell("packet of", unsafe { abi::dataArrayLen(data) }),
        _ => unreachable!(),
    }
}

// ------------------------------------------------------------------------------------------------ gadgetStop

#[no_mangle]
extern "C" fn gadgetStop() -> u32 {
    let h = handles();
    say("stop");
    let packet = unsafe { abi::dataSourceNewPacketSingle(h.out) };
    set(h.to_out[INT64], packet, INT64, u64::MAX);
    emit(h.out, packet);
    assert!(handed::all_freed());
    0
}

#[cfg(set6)]
#[no_mangle]
extern "C" fn gadgetPostStop() -> u32 {
    say("post-stop");
    0
}
