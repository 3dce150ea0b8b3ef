// Set 4: handles, syscalls, symbols, perf readers.
use super::{abi, answer, cut, handed, packed_mut, tell, text};

/// name (32 bytes), number of parameters (1), padding (3), and for each its name (32) and flags (4)
fn declaration() {
    let mut raw = [0; 252];
    let into = packed_mut(&mut raw);
    assert_eq!(0, unsafe { abi::getSyscallDeclaration(text("read"), into) });
    tell("declared", cut(&raw[..32]));
    tell("parameters", raw[32]);
    for param in raw[36..].chunks(36).take(raw[32].into()) {
        tell(if param[32] & 1 == 1 { "pointer" } else { "value" }, cut(&param[..32]));
    }
    let into = packed_mut(&mut raw);
    answer("missing declaration", unsafe { abi::getSyscallDeclaration(text("nothing"), into) } == 0);
}

fn record(reader: u32, what: &str) {
    match handed::record(reader) {
        Ok(sample) => tell(what, String::from_utf8(sample).unwrap()),
        Err(error) => {
            assert_eq!(2, error, "drained");
            answer(what, false);
        }
    }
}

fn perf() {
    let reader = unsafe { abi::newPerfReader(abi::getMap(text("events")), 4096, 1) };
    assert_eq!(0, unsafe { abi::perfReaderPause(reader) });
    record(reader, "record");
    record(reader, "record");
    record(reader, "third record");
    assert_eq!(0, unsafe { abi::perfReaderResume(reader) });
    answer("reader closed", unsafe { abi::perfReaderClose(reader) } == 0);
}

pub fn run() {
    answer("handle released", unsafe { abi::releaseHandle(abi::getMap(text("numbers"))) } == 0);
    tell("syscall 0", handed::syscall_name(0));
    tell("syscall 4095", handed::syscall_name(4095));
    declaration();
    answer("symbol round_trip", unsafe { abi::kallsymsSymbolExists(text("round_trip")) } == 1);
    answer("symbol nothing", unsafe { abi::kallsymsSymbolExists(text("nothing")) } == 1);
    perf();
}
