//! The part of QEMU's plugin interface (version 4, QEMU 9.2 and later; include/qemu/qemu-plugin.h) that is used here.

use std::ffi::{c_char, c_int, c_uint, c_void};

/// The version of the interface, which QEMU reads.
#[unsafe(no_mangle)]
pub static qemu_plugin_version: c_int = 4;

/// `QEMU_PLUGIN_CB_NO_REGS`
pub const NO_REGISTERS: c_int = 0;
/// `QEMU_PLUGIN_CB_R_REGS`
pub const READS_REGISTERS: c_int = 1;
/// `QEMU_PLUGIN_MEM_RW`
pub const READS_AND_WRITES: c_int = 3;

/// What QEMU knows of a block while it translates it.
#[repr(C)]
pub struct TranslationBlock {
    _private: [u8; 0],
}

/// An instruction of such a block.
#[repr(C)]
pub struct TranslatedInstruction {
    _private: [u8; 0],
}

/// Names a register of the core.
#[repr(C)]
pub struct RegisterHandle {
    _private: [u8; 0],
}

/// GLib's array of bytes.
#[repr(C)]
pub struct ByteArray {
    pub data: *mut u8,
    pub length: c_uint,
}

/// GLib's array of [`RegisterDescriptor`].
#[repr(C)]
pub struct RegisterArray {
    pub data: *const RegisterDescriptor,
    pub length: c_uint,
}

#[repr(C)]
pub struct RegisterDescriptor {
    pub handle: *mut RegisterHandle,
    pub name: *const c_char,
    pub feature: *const c_char,
}

pub type VcpuCallback = extern "C" fn(id: u64, vcpu: c_uint);
pub type TranslationCallback = extern "C" fn(id: u64, block: *mut TranslationBlock);
pub type ExecutionCallback = extern "C" fn(vcpu: c_uint, data: *mut c_void);
pub type MemoryCallback = extern "C" fn(vcpu: c_uint, info: u32, address: u64, data: *mut c_void);
pub type ExitCallback = extern "C" fn(id: u64, data: *mut c_void);

unsafe extern "C" {
    pub fn qemu_plugin_register_vcpu_init_cb(id: u64, callback: VcpuCallback);
    pub fn qemu_plugin_register_vcpu_tb_trans_cb(id: u64, callback: TranslationCallback);
    pub fn qemu_plugin_register_atexit_cb(id: u64, callback: ExitCallback, data: *mut c_void);
    pub fn qemu_plugin_register_vcpu_tb_exec_cb(
        block: *mut TranslationBlock,
        callback: ExecutionCallback,
        flags: c_int,
        data: *mut c_void,
    );
    pub fn qemu_plugin_register_vcpu_mem_cb(
        instruction: *mut TranslatedInstruction,
        callback: MemoryCallback,
        flags: c_int,
        kinds: c_int,
        data: *mut c_void,
    );
    pub fn qemu_plugin_tb_n_insns(block: *const TranslationBlock) -> usize;
    pub fn qemu_plugin_tb_get_insn(
        block: *const TranslationBlock,
        index: usize,
    ) -> *mut TranslatedInstruction;
    pub fn qemu_plugin_insn_data(
        instruction: *const TranslatedInstruction,
        to: *mut c_void,
        length: usize,
    ) -> usize;
    pub fn qemu_plugin_insn_vaddr(instruction: *const TranslatedInstruction) -> u64;
    pub fn qemu_plugin_insn_symbol(instruction: *const TranslatedInstruction) -> *const c_char;
    pub fn qemu_plugin_mem_size_shift(info: u32) -> c_uint;
    pub fn qemu_plugin_mem_is_store(info: u32) -> bool;
    pub fn qemu_plugin_get_registers() -> *mut RegisterArray;
    pub fn qemu_plugin_read_register(handle: *mut RegisterHandle, to: *mut ByteArray) -> c_int;
    pub fn g_byte_array_new() -> *mut ByteArray;
    pub fn g_byte_array_set_size(array: *mut ByteArray, length: c_uint) -> *mut ByteArray;
}
