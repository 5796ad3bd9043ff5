//! What QEMU calls.
//!
//! Threads of the program run at the same time. What is shared is made when code is translated, under a lock, and does
//! not change after that; the state of a thread is used by it alone until the program has ended.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::ptr::{self, null_mut};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use ait_cores::{Core, Entry, Measure, Reading, Report, VectorType};

use crate::block::{Block, Role};
use crate::ffi;
use crate::recorder::Recorder;

/// Threads that a program may have had.
const THREADS: usize = 1024;

/// What is the same for all threads.
struct Plugin {
    out: PathBuf,
    core: Core,
    code: Mutex<Code>,
    threads: [AtomicPtr<Thread>; THREADS],
    /// Regions that have begun.
    begun: AtomicU32,
    /// The open region; 0 is none.
    open: AtomicU32,
}

static PLUGIN: OnceLock<Plugin> = OnceLock::new();

/// All that was translated.
#[derive(Default)]
struct Code {
    /// Names, and the address of the block that was translated first: functions are entered at their start.
    symbols: Vec<(String, u64)>,
    positions: HashMap<String, usize>,
    /// By address and words; code may be translated again.
    blocks: HashMap<(u64, Vec<u32>), &'static Block>,
}

/// A thread: its measurement, and the registers that are read.
struct Thread {
    recorder: Recorder,
    vl: *mut ffi::RegisterHandle,
    vtype: *mut ffi::RegisterHandle,
    /// `a1`
    argument: *mut ffi::RegisterHandle,
    buffer: *mut ffi::ByteArray,
}

/// Called once, when QEMU starts.
///
/// # Safety
/// QEMU's: `argv` has `argc` strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: u64,
    _info: *const c_void,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    // SAFETY: as the caller promises.
    let argument = |index| unsafe { CStr::from_ptr(*argv.add(index)) }.to_string_lossy().into_owned();
    let arguments: Vec<String> = (0..usize::try_from(argc).unwrap_or(0)).map(argument).collect();
    let plugin = match configure(&arguments) {
        Ok(plugin) => plugin,
        Err(reason) => {
            eprintln!("ait-meter: {reason}");
            return 1;
        }
    };
    if PLUGIN.set(plugin).is_err() {
        eprintln!("ait-meter: loaded twice");
        return 1;
    }
    // SAFETY: these are QEMU's functions, called as its interface says.
    unsafe {
        ffi::qemu_plugin_register_vcpu_init_cb(id, thread_started);
        ffi::qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
        ffi::qemu_plugin_register_atexit_cb(id, ended, null_mut());
    }
    0
}

fn configure(arguments: &[String]) -> Result<Plugin, String> {
    let (mut out, mut core, mut vlen) = (None, None, None);
    for argument in arguments {
        match argument.split_once('=') {
            Some(("out", path)) => out = Some(PathBuf::from(path)),
            Some(("core", path)) => {
                core = Some(Core::load(Path::new(path)).map_err(|error| error.to_string())?);
            }
            Some(("vlen", bits)) => vlen = bits.parse().ok(),
            _ => return Err(format!("'{argument}' is not out=FILE, core=FILE or vlen=BITS")),
        }
    }
    let core = core.ok_or("core=FILE is missing")?;
    let core = core.at_vlen(vlen.ok_or("vlen=BITS is missing")?).map_err(|error| error.to_string())?;
    Ok(Plugin {
        out: out.ok_or("out=FILE is missing")?,
        core,
        code: Mutex::default(),
        threads: [const { AtomicPtr::new(null_mut()) }; THREADS],
        begun: AtomicU32::new(0),
        open: AtomicU32::new(0),
    })
}

extern "C" fn thread_started(_id: u64, vcpu: c_uint) {
    let Some(plugin) = PLUGIN.get() else { return };
    let Some(slot) = plugin.threads.get(vcpu as usize) else {
        eprintln!("ait-meter: the program has more than {THREADS} threads");
        std::process::abort();
    };
    // A number is used again when its thread has ended; its sums go on.
    if slot.load(Ordering::Acquire).is_null() {
        // SAFETY: QEMU calls this on the thread itself, where its registers can be listed.
        let thread = unsafe { Thread::new(&plugin.core) };
        slot.store(Box::into_raw(Box::new(thread)), Ordering::Release);
    }
}

impl Thread {
    /// # Safety
    /// On the thread itself.
    unsafe fn new(core: &Core) -> Self {
        // SAFETY: QEMU's and GLib's functions; the array that they give has `length` entries with names.
        let (registers, buffer) = unsafe {
            let registers = ffi::qemu_plugin_get_registers();
            let entries = std::slice::from_raw_parts((*registers).data, (*registers).length as usize);
            (entries, ffi::g_byte_array_new())
        };
        let find = |name: &[u8]| {
            // SAFETY: as above.
            let named =
                |entry: &&ffi::RegisterDescriptor| unsafe { CStr::from_ptr(entry.name) }.to_bytes() == name;
            registers.iter().find(named).map_or(null_mut(), |entry| entry.handle)
        };
        Self {
            recorder: Recorder::new(core),
            vl: find(b"vl"),
            vtype: find(b"vtype"),
            argument: find(b"a1"),
            buffer,
        }
    }
}

/// The value of a register; 0 if the core has no such one.
fn read(handle: *mut ffi::RegisterHandle, buffer: *mut ffi::ByteArray) -> u64 {
    if handle.is_null() {
        return 0;
    }
    // SAFETY: handle and buffer are QEMU's and GLib's, and the callback was registered as one that reads registers.
    unsafe {
        ffi::g_byte_array_set_size(buffer, 0);
        ffi::qemu_plugin_read_register(handle, buffer);
        let mut bytes = [0; 8];
        let length = ((*buffer).length as usize).min(bytes.len());
        ptr::copy_nonoverlapping((*buffer).data, bytes.as_mut_ptr(), length);
        u64::from_le_bytes(bytes)
    }
}

extern "C" fn translated(_id: u64, block: *mut ffi::TranslationBlock) {
    let Some(plugin) = PLUGIN.get() else { return };
    // SAFETY: QEMU's functions on the block that it translates; symbols are strings or null.
    unsafe {
        let instructions: Vec<_> = (0..ffi::qemu_plugin_tb_n_insns(block))
            .map(|index| ffi::qemu_plugin_tb_get_insn(block, index))
            .collect();
        let Some(&first) = instructions.first() else { return };
        let words: Vec<u32> = instructions.iter().map(|&instruction| word(instruction)).collect();
        let symbol = ffi::qemu_plugin_insn_symbol(first);
        let name = if symbol.is_null() {
            "?".to_owned()
        } else {
            CStr::from_ptr(symbol).to_string_lossy().into_owned()
        };
        let Ok(mut code) = plugin.code.lock() else { return };
        let known = code.block(ffi::qemu_plugin_insn_vaddr(first), name, words);
        drop(code);
        let reads = known.is_vector || known.role.has_number();
        let flags = if reads { ffi::READS_REGISTERS } else { ffi::NO_REGISTERS };
        let data = ptr::from_ref(known).cast_mut().cast();
        ffi::qemu_plugin_register_vcpu_tb_exec_cb(block, executed, flags, data);
        for (place, &instruction) in instructions.iter().enumerate() {
            if known.instructions[place].class.is_memory() {
                let data = ptr::without_provenance_mut(place);
                let (flags, kinds) = (ffi::NO_REGISTERS, ffi::READS_AND_WRITES);
                ffi::qemu_plugin_register_vcpu_mem_cb(instruction, accessed, flags, kinds, data);
            }
        }
    }
}

/// # Safety
/// `instruction` is QEMU's, of the block that it translates.
unsafe fn word(instruction: *mut ffi::TranslatedInstruction) -> u32 {
    let mut bytes = [0_u8; 4];
    // SAFETY: QEMU writes no more than the length it is given.
    unsafe { ffi::qemu_plugin_insn_data(instruction, bytes.as_mut_ptr().cast(), bytes.len()) };
    u32::from_le_bytes(bytes)
}

impl Code {
    fn block(&mut self, address: u64, name: String, words: Vec<u32>) -> &'static Block {
        let Self { symbols, positions, blocks } = self;
        let id = blocks.len();
        blocks.entry((address, words)).or_insert_with_key(|(_, words)| {
            let fresh = !positions.contains_key(&name);
            let symbol = *positions.entry(name.clone()).or_insert(symbols.len());
            if fresh {
                symbols.push((name.clone(), address));
            }
            let at_start = symbols.get(symbol).is_some_and(|(_, start)| *start == address);
            Box::leak(Box::new(Block::new(id, symbol, &name, at_start, words)))
        })
    }
}

/// The state of thread `vcpu`.
///
/// # Safety
/// On that thread, in a callback, or when no thread runs any more.
unsafe fn thread(plugin: &Plugin, vcpu: c_uint) -> Option<&'static mut Thread> {
    let slot = plugin.threads.get(vcpu as usize)?;
    // SAFETY: it is never freed, and used by nobody else.
    unsafe { slot.load(Ordering::Acquire).as_mut() }
}

extern "C" fn executed(vcpu: c_uint, data: *mut c_void) {
    let Some(plugin) = PLUGIN.get() else { return };
    // SAFETY: blocks are never freed, and this is the thread's own callback.
    let (block, thread) = unsafe { (data.cast::<Block>().as_ref(), thread(plugin, vcpu)) };
    let (Some(block), Some(Thread { recorder, vl, vtype, argument, buffer })) = (block, thread) else {
        return;
    };
    match block.role {
        Role::RegionBegin => {
            let region = plugin.begun.fetch_add(1, Ordering::AcqRel) + 1;
            plugin.open.store(region, Ordering::Release);
            return recorder.enter(region);
        }
        Role::RegionEnd => {
            plugin.open.store(0, Ordering::Release);
            return recorder.enter(0);
        }
        _ => recorder.enter(plugin.open.load(Ordering::Acquire)),
    }
    if recorder.is_recording() {
        let vector = || (read(*vl, *buffer), VectorType::from_csr(read(*vtype, *buffer)));
        recorder.execute(block, vector, || read(*argument, *buffer));
    }
}

extern "C" fn accessed(vcpu: c_uint, info: u32, address: u64, data: *mut c_void) {
    let Some(plugin) = PLUGIN.get() else { return };
    // SAFETY: this is the thread's own callback.
    let Some(Thread { recorder, .. }) = (unsafe { thread(plugin, vcpu) }) else { return };
    if recorder.is_recording() {
        // SAFETY: QEMU's functions on the number that it gave.
        let (shift, store) =
            unsafe { (ffi::qemu_plugin_mem_size_shift(info), ffi::qemu_plugin_mem_is_store(info)) };
        recorder.access(data.addr(), address, 1 << shift.min(6), store);
    }
}

/// The program has ended, and its threads with it.
extern "C" fn ended(_id: u64, _data: *mut c_void) {
    let Some(plugin) = PLUGIN.get() else { return };
    let report = report(plugin);
    let written = File::create(&plugin.out).map_err(|error| error.to_string()).and_then(|file| {
        serde_json::to_writer(BufWriter::new(file), &report).map_err(|error| error.to_string())
    });
    if let Err(error) = written {
        eprintln!("ait-meter: {}: {error}", plugin.out.display());
    }
}

/// Layer, function and thread, in the order of a report.
type Place<'a> = (Option<u32>, &'a str, u32);

fn report(plugin: &Plugin) -> Report {
    let open = plugin.open.load(Ordering::Acquire) != 0;
    let Ok(code) = plugin.code.lock() else { return Report { open, ..Report::default() } };
    // By region, then in the order that entries are in.
    let mut entries: BTreeMap<u32, BTreeMap<Place<'_>, &Measure>> = BTreeMap::new();
    for vcpu in 0..THREADS as c_uint {
        // SAFETY: no thread runs any more.
        let Some(thread) = (unsafe { thread(plugin, vcpu) }) else { continue };
        for (&region, sums) in thread.recorder.finish() {
            for (&(layer, symbol, thread), measure) in sums {
                let name = code.symbols.get(symbol).map_or("?", |(name, _)| name.as_str());
                // A program has threads of its own or modelled ones; those are all on the first of its own.
                entries.entry(region).or_default().insert((layer, name, vcpu + thread), measure);
            }
        }
    }
    let reading = |region: u32| {
        let of_region = entries.remove(&region).unwrap_or_default().into_iter();
        let entry = |((layer, symbol, thread), measure): (Place<'_>, &Measure)| Entry {
            layer,
            symbol: symbol.to_owned(),
            thread,
            measure: measure.clone(),
        };
        Reading { entries: of_region.map(entry).collect() }
    };
    Report { readings: (1..=plugin.begun.load(Ordering::Acquire)).map(reading).collect(), open }
}
