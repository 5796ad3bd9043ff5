//! A typed builder of RVV 1.0 kernels over inkwell.
//!
//! Values are typed by what they are ([`X`] an `i64`, [`F`] an `f32`, [`P`] an address, [`V`] and [`I`] register
//! groups of `f32` and `i32`, [`Mask`]); register groups carry their [`Lmul`], and every vector method
//! takes the vector length [`Vl`] that `vsetvli` returned. Operands of different LMUL are a bug of the
//! kernel's author and stop the generator. There is one method per instruction, named like it; `.vv` and
//! `.vf` forms are one method ([`Operand`]). Tails are agnostic except in the `_tu` methods.
//!
//! Kernels are plain Rust functions; unrolling is a Rust `for`, a run-time loop is [`Rvv::for_range`] or
//! [`Rvv::strips`].

mod control;
mod scalar;
mod value;
mod vector;

pub use control::Carry;
pub use value::{Cond, F, I, IntoF, IntoX, Lmul, Mask, Operand, P, V, Vl, Width, X};

use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::builder::{Builder, BuilderError};
use inkwell::context::ContextRef;
use inkwell::intrinsics::Intrinsic;
use inkwell::module::Module;
use inkwell::types::{BasicTypeEnum, ScalableVectorType};
use inkwell::values::{BasicMetadataValueEnum, BasicValueEnum, FunctionValue, IntValue, PointerValue};
use std::cell::Cell;

/// The builder of one kernel: the insertion point inside its function.
pub struct Rvv<'c, 'm> {
    module: &'m Module<'c>,
    context: ContextRef<'c>,
    builder: Builder<'c>,
    function: FunctionValue<'c>,
    args: P<'c>,
    scratch: P<'c>,
    task: X<'c>,
    pressure: Pressure,
    is_full: Cell<bool>,
}

/// How many of the vector registers a kernel may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressure {
    /// All. LLVM's allocator then spills in some kernels.
    Full,
    /// All but one group.
    Spare,
}

/// What only a bug of a kernel generator can cause: an instruction that inkwell refuses.
#[allow(clippy::expect_used, reason = "no input reaches this: kernels are typed by this module")]
fn built<T>(result: Result<T, BuilderError>) -> T {
    result.expect("the builder stands in an open block and its operands were typed")
}

impl<'c, 'm> Rvv<'c, 'm> {
    /// Adds `void NAME(ptr args, ptr scratch, i64 task)` with external linkage to the module, its body made by
    /// `body`, which leaves the builder in the block that returns: whether it asks for all vector registers.
    pub fn kernel(module: &'m Module<'c>, name: &str, pressure: Pressure, body: impl FnOnce(&Self)) -> bool {
        let context = module.get_context();
        let (ptr, i64_type) = (context.ptr_type(0.into()), context.i64_type());
        let r#type = context.void_type().fn_type(&[ptr.into(), ptr.into(), i64_type.into()], false);
        let function = module.add_function(name, r#type, None);
        // VLEN 128 to 1024; an address is never null and kernels do not unwind.
        function.add_attribute(AttributeLoc::Function, attribute(&context, "nounwind", 0));
        function.add_attribute(AttributeLoc::Function, attribute(&context, "vscale_range", (2 << 32) | 16));
        let builder = context.create_builder();
        builder.position_at_end(context.append_basic_block(function, ""));
        let parameter = |index| function.get_nth_param(index);
        let pointer =
            |index| P(parameter(index).map_or_else(|| ptr.get_poison(), BasicValueEnum::into_pointer_value));
        let task = X(parameter(2).map_or_else(|| i64_type.get_poison(), BasicValueEnum::into_int_value));
        let (args, scratch) = (pointer(0), pointer(1));
        let is_full = Cell::new(false);
        let this = Self { module, context, builder, function, args, scratch, task, pressure, is_full };
        body(&this);
        built(this.builder.build_return(None));
        this.is_full.get()
    }

    /// Whether the last of the vector registers may be used, for what is faster with them but can do without.
    pub fn takes_last_group(&self) -> bool {
        self.is_full.set(self.is_full.get() || self.pressure == Pressure::Full);
        self.pressure == Pressure::Full
    }

    /// The task number.
    pub fn task(&self) -> X<'c> {
        self.task
    }

    /// The scratch of this thread, 64-byte aligned.
    pub fn scratch(&self) -> P<'c> {
        self.scratch
    }

    /// Loads `args[index]`, the address of the op's operand of that number.
    pub fn arg(&self, index: usize) -> P<'c> {
        let slot = self.offset(self.args, 8 * i64::try_from(index).unwrap_or(i64::MAX));
        P(built(self.builder.build_load(self.context.ptr_type(0.into()), slot.0, "")).into_pointer_value())
    }

    /// Calls an intrinsic; `overloads` are the types that its name is mangled with.
    fn call(
        &self,
        name: &str,
        overloads: &[BasicTypeEnum<'c>],
        args: &[BasicMetadataValueEnum<'c>],
    ) -> Option<BasicValueEnum<'c>> {
        #[allow(clippy::expect_used, reason = "names are constants of this module")]
        let declaration = Intrinsic::find(name)
            .and_then(|intrinsic| intrinsic.get_declaration(self.module, overloads))
            .expect("a known intrinsic");
        built(self.builder.build_call(declaration, args, "")).try_as_basic_value().basic()
    }

    /// [`Self::call`] of an intrinsic with a result.
    #[allow(clippy::expect_used, reason = "the caller names an intrinsic that has a result")]
    fn value(
        &self,
        name: &str,
        overloads: &[BasicTypeEnum<'c>],
        args: &[BasicMetadataValueEnum<'c>],
    ) -> BasicValueEnum<'c> {
        self.call(name, overloads, args).expect("an intrinsic with a result")
    }

    fn xlen(&self) -> BasicTypeEnum<'c> {
        self.context.i64_type().into()
    }

    fn float_vector(&self, lmul: Lmul) -> ScalableVectorType<'c> {
        self.context.f32_type().scalable_vec_type(lmul.words())
    }

    fn int_vector(&self, lmul: Lmul) -> ScalableVectorType<'c> {
        self.context.i32_type().scalable_vec_type(lmul.words())
    }

    fn constant(&self, value: i64) -> IntValue<'c> {
        self.context.i64_type().const_int(value.cast_unsigned(), true)
    }

    fn gep(&self, base: PointerValue<'c>, bytes: IntValue<'c>) -> PointerValue<'c> {
        // SAFETY: a GEP over bytes with one index is always well formed.
        built(unsafe { self.builder.build_gep(self.context.i8_type(), base, &[bytes], "") })
    }
}

fn attribute(context: &ContextRef<'_>, name: &str, value: u64) -> Attribute {
    context.create_enum_attribute(Attribute::get_named_enum_kind_id(name), value)
}
