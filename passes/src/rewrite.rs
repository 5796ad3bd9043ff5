//! Reading and changing the ops of a module. All unsafe code of the passes is here.

use std::{borrow::Cow, cell::RefCell};

pub use ait_dialects::access::definition;
use ait_dialects::{Builder, Layout, access, types};
use melior::{
    Context,
    ir::{
        Attribute, AttributeLike, Module, Type, TypeLike, Value, ValueLike,
        attribute::DenseElementsAttribute,
        operation::{OperationLike, OperationRef, WalkOrder, WalkResult},
    },
};
use mlir_sys::{
    MlirOperation, mlirDenseElementsAttrReshapeGet, mlirOpOperandGetNextUse, mlirOpOperandGetOwner,
    mlirOpOperandIsNull, mlirOperationDestroy, mlirOperationRemoveFromParent,
    mlirOperationSetAttributeByName, mlirOperationSetOperand, mlirOperationSetOperands, mlirValueGetFirstUse,
    mlirValueReplaceAllUsesOfWith, mlirValueSetType,
};

use crate::PassError;

/// Changes a module's ops. Ops taken out stay valid, without operands, until the rewriter is
/// dropped, so no reference that it handed out ever dangles.
pub struct Rewriter<'c, 'm> {
    context: &'c Context,
    module: &'m Module<'c>,
    erased: RefCell<Vec<MlirOperation>>,
}

impl<'c: 'm, 'm> Rewriter<'c, 'm> {
    /// A rewriter of `module`. There should be one at a time.
    pub fn new(module: &'m Module<'c>) -> Self {
        let context = ait_dialects::context_of(module);
        Self { context, module, erased: RefCell::default() }
    }

    /// The context.
    pub fn context(&self) -> &'c Context {
        self.context
    }

    /// The module as an op.
    pub fn module(&self) -> OperationRef<'c, '_> {
        self.module.as_operation()
    }

    /// Every op below the module, in program order.
    pub fn ops(&self) -> Vec<OperationRef<'c, '_>> {
        let mut ops = vec![];
        self.module.as_operation().walk(WalkOrder::PreOrder, |op| {
            // SAFETY: the op lives as long as the module, which `self` borrows.
            ops.push(unsafe { OperationRef::from_raw(op.to_raw()) });
            WalkResult::Advance
        });
        ops.into_iter().skip(1).collect()
    }

    /// The ops that use `value`, once per use.
    pub fn users<'a>(&'a self, value: Value<'c, '_>) -> Vec<OperationRef<'c, 'a>> {
        let mut users = vec![];
        // SAFETY: `value` is alive, and a use is valid while the IR does not change.
        unsafe {
            let mut one = mlirValueGetFirstUse(value.to_raw());
            while !mlirOpOperandIsNull(one) {
                users.push(OperationRef::from_raw(mlirOpOperandGetOwner(one)));
                one = mlirOpOperandGetNextUse(one);
            }
        }
        users
    }

    /// Whether `value` has exactly one use.
    pub fn has_one_use(&self, value: Value<'c, '_>) -> bool {
        self.users(value).len() == 1
    }

    /// A builder that inserts before `op`, at its location.
    ///
    /// # Errors
    ///
    /// If the op is in no block.
    pub fn before<'a>(&'a self, op: OperationRef<'c, 'a>) -> Result<Builder<'c, 'a>, PassError> {
        let block = op.block().ok_or_else(|| PassError::at(&op, "is in no block"))?;
        Ok(Builder::before(self.context, block, op))
    }

    /// Makes all uses of `old` uses of `new`.
    pub fn replace_uses(&self, old: Value<'c, '_>, new: Value<'c, '_>) {
        // SAFETY: both values are alive.
        unsafe { mlirValueReplaceAllUsesOfWith(old.to_raw(), new.to_raw()) }
    }

    /// Makes all uses of the op's one result uses of `new`, and takes the op out.
    pub fn replace<'a>(&'a self, op: OperationRef<'c, 'a>, new: Value<'c, 'a>) {
        if let Some(result) = access::result(&op) {
            self.replace_uses(result, new);
        }
        self.erase_unused(op);
    }

    /// Takes the op out if no result of it is used, and says whether it did.
    pub fn erase_unused<'a>(&'a self, op: OperationRef<'c, 'a>) -> bool {
        if is_erased(op) || op.results().any(|result| !self.users(result.into()).is_empty()) {
            return false;
        }
        // SAFETY: the op is in a block, nothing uses it, and `drop` destroys it once.
        unsafe {
            mlirOperationRemoveFromParent(op.to_raw());
            mlirOperationSetOperands(op.to_raw(), 0, std::ptr::null());
        }
        self.erased.borrow_mut().push(op.to_raw());
        true
    }

    /// Sets operand `index`, which exists.
    pub fn set_operand<'a>(&'a self, op: OperationRef<'c, 'a>, index: usize, value: Value<'c, 'a>) {
        if index < op.operand_count() {
            // SAFETY: op and value are alive and the index is in range.
            unsafe { mlirOperationSetOperand(op.to_raw(), index as isize, value.to_raw()) }
        }
    }

    /// Sets an attribute.
    pub fn set_attribute(&self, op: OperationRef<'c, '_>, name: &str, value: Attribute<'c>) {
        use melior::StringRef;
        // SAFETY: op and attribute are alive; MLIR copies the name.
        unsafe {
            mlirOperationSetAttributeByName(op.to_raw(), StringRef::new(name).to_raw(), value.to_raw());
        }
    }

    /// Gives a value another type.
    pub fn set_type(&self, value: Value<'c, '_>, r#type: Type<'c>) {
        // SAFETY: value and type are alive.
        unsafe { mlirValueSetType(value.to_raw(), r#type.to_raw()) }
    }
}

impl Drop for Rewriter<'_, '_> {
    fn drop(&mut self) {
        for op in self.erased.get_mut().drain(..) {
            // SAFETY: the op was detached by `erase_unused`, which gave its ownership to us.
            unsafe { mlirOperationDestroy(op) }
        }
    }
}

/// Whether an op was taken out of its block.
pub fn is_erased(op: OperationRef) -> bool {
    op.block().is_none()
}

/// The name of an op, as `ait.conv2d`.
pub fn name(op: OperationRef) -> String {
    op.name().as_string_ref().as_str().unwrap_or_default().to_owned()
}

/// The op that makes `value` if it has this name.
pub fn defined_by<'c, 'a>(value: Value<'c, 'a>, wanted: &str) -> Option<OperationRef<'c, 'a>> {
    definition(value).filter(|op| name(*op) == wanted)
}

/// Most elements of a constant that are copied only to have another shape: 64 MiB.
pub const MOST_COPIED: i64 = 1 << 24;

/// The elements of a value made by `ait.constant`, in the order of the value's elements: it may be reshaped since.
pub fn constant<'c>(value: Value<'c, '_>) -> Option<Attribute<'c>> {
    let mut value = value;
    while let Some(reshape) = defined_by(value, "ait.reshape") {
        value = access::operand(&reshape, 0)?;
    }
    defined_by(value, "ait.constant")?.attribute("value").ok()
}

/// Most elements that a pass makes up: 2 GiB of f32.
pub const MAX_ELEMENTS: i64 = 1 << 29;

/// The `f32` data of a value made by `ait.constant`, row-major, read where it is; none of a splat that is too large to be
/// expanded ([`types::MOST_OF_A_SPLAT`]).
pub fn constant_slice<'c>(value: Value<'c, '_>) -> Option<Cow<'c, [f32]>> {
    let data = constant(value)?;
    types::check_splat(data).ok()?;
    types::f32_slice(data).ok()
}

/// [`constant_slice`], copied.
pub fn constant_data(value: Value) -> Option<Vec<f32>> {
    constant_slice(value).map(Cow::into_owned)
}

/// A constant with the elements of another one, row-major, in a shape of as many; none if the other is no constant.
pub fn reshaped_constant<'c, 'a>(
    build: Builder<'c, 'a>,
    value: Value<'c, 'a>,
    to: &[i64],
) -> Option<Result<Value<'c, 'a>, String>> {
    let dense = DenseElementsAttribute::try_from(constant(value)?).ok()?;
    // SAFETY: a static f32 type of as many elements, which the shape rule has checked.
    let reshaped = unsafe {
        Attribute::from_raw(mlirDenseElementsAttrReshapeGet(
            dense.to_raw(),
            types::tensor(build.context(), to, Layout::default()).to_raw(),
        ))
    };
    Some(build.constant_attribute(reshaped))
}

/// The shape of a value.
///
/// # Errors
///
/// If its type has none, at `op`.
pub fn shape(op: OperationRef, value: Value) -> Result<Vec<i64>, PassError> {
    types::shape(value.r#type()).map_err(|message| PassError::at(&op, message))
}

/// Operand `index`.
///
/// # Errors
///
/// If the op has fewer.
pub fn operand<'c: 'a, 'a>(op: OperationRef<'c, 'a>, index: usize) -> Result<Value<'c, 'a>, PassError> {
    access::operand(&op, index).ok_or_else(|| PassError::at(&op, format!("has no operand {index}")))
}

/// The result.
///
/// # Errors
///
/// If the op has none.
pub fn result<'c: 'a, 'a>(op: OperationRef<'c, 'a>) -> Result<Value<'c, 'a>, PassError> {
    access::result(&op).ok_or_else(|| PassError::at(&op, "has no result"))
}

/// The layout of a value; NCHW for what has none.
pub fn layout(value: Value) -> Layout {
    types::layout(value.r#type()).unwrap_or_default()
}
