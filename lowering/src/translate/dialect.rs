//! The few ops of MLIR's `llvm` dialect that a model's entry code is made of.

use ait_dialects::attributes::{i64, string};
use ait_dialects::{Builder, access};
use melior::Context;
use melior::dialect::llvm::attributes::{Linkage, linkage};
use melior::dialect::llvm::r#type as llvm;
use melior::ir::attribute::{
    ArrayAttribute, DenseI32ArrayAttribute, DictionaryAttribute, FlatSymbolRefAttribute, IntegerAttribute,
    TypeAttribute,
};
use melior::ir::block::BlockLike;
use melior::ir::operation::OperationBuilder;
use melior::ir::r#type::IntegerType;
use melior::ir::{
    Attribute, Block, BlockRef, Identifier, Location, Module, Region, RegionLike, RegionRef, Type, Value,
    ValueLike,
};

/// What fails here is a fault of the compiler; the message is MLIR's.
pub type Made<T> = Result<T, String>;

/// A constant initialiser.
pub enum Constant {
    /// `i64`.
    I64(i64),
    /// `float`.
    F32(f32),
    /// Address of a symbol.
    Address(String),
    /// A null pointer.
    Null,
    /// A struct.
    Struct(Vec<Constant>),
    /// An array of equal elements (not empty).
    Array(Vec<Constant>),
}

/// Makes globals and functions in a module.
pub struct Globals<'c, 'm> {
    context: &'c Context,
    module: &'m Module<'c>,
    location: Location<'c>,
    strings: std::collections::BTreeMap<String, String>,
    initial: Vec<(String, Constant)>,
}

impl<'c, 'm> Globals<'c, 'm> {
    /// In an empty module.
    pub fn new(context: &'c Context, module: &'m Module<'c>) -> Self {
        let location = Location::unknown(context);
        Self { context, module, location, strings: Default::default(), initial: Vec::new() }
    }

    fn type_of(&self, constant: &Constant) -> Type<'c> {
        let context = self.context;
        match constant {
            Constant::I64(_) => IntegerType::new(context, 64).into(),
            Constant::F32(_) => Type::float32(context),
            Constant::Address(_) | Constant::Null => llvm::pointer(context, 0),
            Constant::Struct(fields) => {
                let fields: Vec<_> = fields.iter().map(|field| self.type_of(field)).collect();
                llvm::r#struct(context, &fields, false)
            }
            Constant::Array(elements) => {
                let element =
                    elements.first().map_or(IntegerType::new(context, 64).into(), |one| self.type_of(one));
                llvm::array(element, u32::try_from(elements.len()).unwrap_or(u32::MAX))
            }
        }
    }

    fn append(&self, name: &str, attributes: &[(&str, Attribute<'c>)], region: Region<'c>) -> Made<()> {
        let attributes: Vec<_> =
            attributes.iter().map(|(key, value)| (Identifier::new(self.context, key), *value)).collect();
        let op = OperationBuilder::new(name, self.location)
            .add_attributes(&attributes)
            .add_regions([region])
            .build()
            .map_err(|error| error.to_string())?;
        self.module.body().append_operation(op);
        Ok(())
    }

    /// A constant global of given linkage, whose value is set in LLVM: MLIR builds tables element by element, each
    /// time as a whole new one.
    pub fn constant(&mut self, name: &str, value: Constant, visible: Linkage) -> Made<()> {
        let attributes = [
            ("sym_name", string(self.context, name)),
            ("global_type", TypeAttribute::new(self.type_of(&value)).into()),
            ("linkage", linkage(self.context, visible)),
            ("constant", Attribute::unit(self.context)),
        ];
        self.append("llvm.mlir.global", &attributes, Region::new())?;
        self.initial.push((name.to_string(), value));
        Ok(())
    }

    /// The values of all constants so far, by symbol.
    pub fn into_initial(self) -> Vec<(String, Constant)> {
        self.initial
    }

    /// The symbol of a zero-terminated string; equal strings are one.
    pub fn string(&mut self, text: &str) -> Made<Constant> {
        if let Some(name) = self.strings.get(text) {
            return Ok(Constant::Address(name.clone()));
        }
        let name = format!("str.{}", self.strings.len());
        // C strings end at the first zero byte: names with one inside would be cut, so it is replaced.
        let terminated = format!("{}\0", text.replace('\0', "?"));
        let length = u32::try_from(terminated.len()).map_err(|error| error.to_string())?;
        let r#type = llvm::array(IntegerType::new(self.context, 8).into(), length);
        let attributes = [
            ("sym_name", string(self.context, &name)),
            ("global_type", TypeAttribute::new(r#type).into()),
            ("linkage", linkage(self.context, Linkage::Internal)),
            ("constant", Attribute::unit(self.context)),
            ("value", string(self.context, &terminated)),
        ];
        self.append("llvm.mlir.global", &attributes, Region::new())?;
        self.strings.insert(text.to_string(), name.clone());
        Ok(Constant::Address(name))
    }

    /// Declares an external function.
    pub fn declare(&self, name: &str, result: Option<Type<'c>>, arguments: &[Type<'c>]) -> Made<()> {
        self.function(name, result, arguments, Linkage::External, |_| Ok(())).map(drop)
    }

    /// Defines a function; `body` gets its code and arguments and must end it. A body that makes no block leaves
    /// a declaration.
    pub fn function(
        &self,
        name: &str,
        result: Option<Type<'c>>,
        arguments: &[Type<'c>],
        visible: Linkage,
        body: impl FnOnce(&Function<'c, '_>) -> Made<()>,
    ) -> Made<()> {
        self.function_with(name, result, arguments, &[("linkage", linkage(self.context, visible))], body)
    }

    /// A function that LLVM does not inline, for this module alone.
    pub fn part(
        &self,
        name: &str,
        result: Option<Type<'c>>,
        arguments: &[Type<'c>],
        body: impl FnOnce(&Function<'c, '_>) -> Made<()>,
    ) -> Made<()> {
        let internal = ("linkage", linkage(self.context, Linkage::Internal));
        let attributes = [internal, ("no_inline", Attribute::unit(self.context))];
        self.function_with(name, result, arguments, &attributes, body)
    }

    fn function_with(
        &self,
        name: &str,
        result: Option<Type<'c>>,
        arguments: &[Type<'c>],
        more: &[(&str, Attribute<'c>)],
        body: impl FnOnce(&Function<'c, '_>) -> Made<()>,
    ) -> Made<()> {
        let region = Region::new();
        let types: Vec<_> = arguments.to_vec();
        // SAFETY: the region outlives the reference, which ends with this scope.
        let inside = unsafe { RegionRef::from_raw(melior::ir::RegionLike::to_raw(&region)) };
        body(&Function { context: self.context, region: inside, arguments: types, location: self.location })?;
        let returned = result.unwrap_or_else(|| llvm::void(self.context));
        let mut attributes = vec![
            ("sym_name", string(self.context, name)),
            ("function_type", TypeAttribute::new(llvm::function(returned, arguments, false)).into()),
            ("arg_attrs", sign_extended(self.context, arguments)),
        ];
        attributes.extend(more);
        // MLIR's translation expects a function without a result to have no list.
        if result.is_some() {
            attributes.push(("res_attrs", sign_extended(self.context, result.as_slice())));
        }
        self.append("llvm.func", &attributes, region)
    }
}

/// A function under construction.
pub struct Function<'c, 'r> {
    context: &'c Context,
    region: RegionRef<'c, 'r>,
    arguments: Vec<Type<'c>>,
    location: Location<'c>,
}

impl<'c: 'r, 'r> Function<'c, 'r> {
    /// The entry block's code and the function's arguments.
    pub fn entry(&self) -> Made<(Code<'c, 'r>, Vec<Value<'c, 'r>>)> {
        let block = self.block(&self.arguments);
        let arguments = (0..self.arguments.len()).map(|i| block.argument(i).map(Value::from));
        let arguments = arguments.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
        Ok((self.code(block), arguments))
    }

    /// A new block with arguments.
    pub fn block(&self, arguments: &[Type<'c>]) -> BlockRef<'c, 'r> {
        let arguments: Vec<_> = arguments.iter().map(|&r#type| (r#type, self.location)).collect();
        self.region.append_block(Block::new(&arguments))
    }

    /// A block that returns its argument, an `i32`.
    pub fn exit(&self) -> Made<BlockRef<'c, 'r>> {
        let block = self.block(&[IntegerType::new(self.context, 32).into()]);
        let status = block.argument(0).map_err(|error| error.to_string())?;
        self.code(block).r#return(Some(status.into()))?;
        Ok(block)
    }

    fn code(&self, block: BlockRef<'c, 'r>) -> Code<'c, 'r> {
        Code::new(self.context, block, self.location)
    }
}

/// The RISC-V calling convention passes `i32` sign-extended to 64 bits.
fn sign_extended<'c>(context: &'c Context, types: &[Type<'c>]) -> Attribute<'c> {
    let i32_type: Type<'c> = IntegerType::new(context, 32).into();
    let marked = [(Identifier::new(context, "llvm.signext"), Attribute::unit(context))];
    let dictionaries: Vec<Attribute<'c>> = types
        .iter()
        .map(|&r#type| {
            let attributes = if r#type == i32_type { &marked[..] } else { &[] };
            DictionaryAttribute::new(context, attributes).into()
        })
        .collect();
    ArrayAttribute::new(context, &dictionaries).into()
}

/// Appends ops to a block.
#[derive(Clone, Copy)]
pub struct Code<'c, 'b> {
    context: &'c Context,
    block: BlockRef<'c, 'b>,
    builder: Builder<'c, 'b>,
    location: Location<'c>,
}

impl<'c: 'b, 'b> Code<'c, 'b> {
    fn new(context: &'c Context, block: BlockRef<'c, 'b>, location: Location<'c>) -> Self {
        Self { context, block, builder: Builder::at_end(context, block, location), location }
    }

    fn value(
        &self,
        name: &str,
        operands: &[Value<'c, 'b>],
        attributes: &[(&str, Attribute<'c>)],
        result: Type<'c>,
    ) -> Made<Value<'c, 'b>> {
        let op = self.builder.insert(name, operands, attributes, &[result])?;
        access::result(&op).ok_or_else(|| format!("{name} has no result"))
    }

    fn pointer_type(&self) -> Type<'c> {
        llvm::pointer(self.context, 0)
    }

    /// An integer of `bits`.
    pub fn integer(&self, value: i64, bits: u32) -> Made<Value<'c, 'b>> {
        let r#type: Type<'c> = IntegerType::new(self.context, bits).into();
        let value = [("value", IntegerAttribute::new(r#type, value).into())];
        self.value("llvm.mlir.constant", &[], &value, r#type)
    }

    /// The address of a global or function.
    pub fn address_of(&self, symbol: &str) -> Made<Value<'c, 'b>> {
        let name = [("global_name", FlatSymbolRefAttribute::new(self.context, symbol).into())];
        self.value("llvm.mlir.addressof", &[], &name, self.pointer_type())
    }

    /// `base + offset` in bytes.
    pub fn byte_offset(&self, base: Value<'c, 'b>, offset: i64) -> Made<Value<'c, 'b>> {
        if offset == 0 {
            return Ok(base);
        }
        let byte = IntegerType::new(self.context, 8).into();
        match i32::try_from(offset) {
            // A constant index is 32 bits wide.
            Ok(constant) => self.element_address(base, byte, constant),
            Err(_) => {
                let index = self.integer(offset, 64)?;
                self.gep(&[base, index], byte, i32::MIN)
            }
        }
    }

    /// The address of element `index` of an array of `element`.
    pub fn element_address(&self, base: Value<'c, 'b>, element: Type<'c>, index: i32) -> Made<Value<'c, 'b>> {
        self.gep(&[base], element, index)
    }

    fn gep(&self, operands: &[Value<'c, 'b>], element: Type<'c>, index: i32) -> Made<Value<'c, 'b>> {
        let attributes = [
            ("rawConstantIndices", DenseI32ArrayAttribute::new(self.context, &[index]).into()),
            ("elem_type", TypeAttribute::new(element).into()),
        ];
        self.value("llvm.getelementptr", operands, &attributes, self.pointer_type())
    }

    /// Element `index` of an array of pointers.
    pub fn load_pointer(&self, array: Value<'c, 'b>, index: i32) -> Made<Value<'c, 'b>> {
        let address = self.element_address(array, self.pointer_type(), index)?;
        self.value("llvm.load", &[address], &[], self.pointer_type())
    }

    /// Writes element `index` of an array of pointers.
    pub fn store_pointer(&self, value: Value<'c, 'b>, array: Value<'c, 'b>, index: i32) -> Made<()> {
        let address = self.element_address(array, self.pointer_type(), index)?;
        self.builder.insert("llvm.store", &[value, address], &[], &[]).map(drop)
    }

    /// Room for `count` pointers on the stack.
    pub fn pointers(&self, count: usize) -> Made<Value<'c, 'b>> {
        let count = self.integer(i64::try_from(count).map_err(|error| error.to_string())?, 64)?;
        let element = [("elem_type", TypeAttribute::new(self.pointer_type()).into())];
        self.value("llvm.alloca", &[count], &element, self.pointer_type())
    }

    /// A call by name.
    pub fn call(
        &self,
        callee: &str,
        arguments: &[Value<'c, 'b>],
        result: Option<Type<'c>>,
    ) -> Made<Option<Value<'c, 'b>>> {
        let count = i32::try_from(arguments.len()).map_err(|error| error.to_string())?;
        let attributes = [
            ("callee", FlatSymbolRefAttribute::new(self.context, callee).into()),
            ("operandSegmentSizes", DenseI32ArrayAttribute::new(self.context, &[count, 0]).into()),
            ("op_bundle_sizes", DenseI32ArrayAttribute::new(self.context, &[]).into()),
            (
                "arg_attrs",
                sign_extended(
                    self.context,
                    &arguments.iter().map(|value| value.r#type()).collect::<Vec<_>>(),
                ),
            ),
            ("res_attrs", sign_extended(self.context, result.as_slice())),
        ];
        let attributes = if result.is_some() { &attributes[..] } else { &attributes[..4] };
        match result {
            Some(result) => self.value("llvm.call", arguments, attributes, result).map(Some),
            None => self.builder.insert("llvm.call", arguments, attributes, &[]).map(|_| None),
        }
    }

    /// Whether an `i32` is not zero.
    pub fn is_not_zero(&self, value: Value<'c, 'b>) -> Made<Value<'c, 'b>> {
        let zero = self.integer(0, 32)?;
        let not_equal = [("predicate", i64(self.context, 1))];
        self.value("llvm.icmp", &[value, zero], &not_equal, IntegerType::new(self.context, 1).into())
    }

    /// Leaves for `exit` with `status` unless it is zero; code goes on in a new block.
    pub fn check(
        self,
        status: Value<'c, 'b>,
        function: &Function<'c, 'b>,
        exit: BlockRef<'c, 'b>,
    ) -> Made<Self> {
        let failed = self.is_not_zero(status)?;
        let next = function.block(&[]);
        let segments = DenseI32ArrayAttribute::new(self.context, &[1, 1, 0]).into();
        let branch = OperationBuilder::new("llvm.cond_br", self.location)
            .add_operands(&[failed, status])
            .add_successors(&[&exit, &next])
            .add_attributes(&[(Identifier::new(self.context, "operandSegmentSizes"), segments)])
            .build()
            .map_err(|error| error.to_string())?;
        self.block.append_operation(branch);
        Ok(Self { builder: Builder::at_end(self.context, next, self.location), block: next, ..self })
    }

    /// Ends the function.
    pub fn r#return(&self, value: Option<Value<'c, 'b>>) -> Made<()> {
        let operands: Vec<_> = value.into_iter().collect();
        self.builder.insert("llvm.return", &operands, &[], &[]).map(drop)
    }
}
