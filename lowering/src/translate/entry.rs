//! The entry code of a model in MLIR's `llvm` dialect: tables and functions of `ait_runtime.h`.

use super::dialect::{Code, Constant, Function, Globals, Made};
use super::model::{Address, Base, Call, Layer, MAX_RANK, Model, Tensor};
use super::xnn::XnnCall;
use ait_dialects::Layout;
use melior::Context;
use melior::dialect::llvm::attributes::Linkage;
use melior::dialect::llvm::r#type as llvm;
use melior::ir::r#type::IntegerType;
use melior::ir::{BlockRef, Location, Module, Type, Value};
use std::collections::BTreeMap;

/// `AIT_ABI_VERSION`.
const ABI_VERSION: i64 = 1;

/// Most layers of one function: LLVM takes time quadratic in the calls of a function.
const MOST_CALLS: usize = 512;
/// Most inputs and outputs whose addresses are loaded once, at the start: more of them would only be spilled.
const MOST_LOADED: usize = 64;

/// Tables by symbol.
pub type Initial = Vec<(String, Constant)>;

/// A module of the `llvm` dialect with the model's tables and functions, and the values of its tables; kernels are declared.
///
/// # Errors
/// Faults of the compiler.
pub fn entry<'c>(context: &'c Context, model: &Model<'_>, checksum: u64) -> Made<(Module<'c>, Initial)> {
    let module = Module::new(Location::unknown(context));
    let mut entry = Entry {
        model,
        globals: Globals::new(context, &module),
        status: IntegerType::new(context, 32).into(),
        size: IntegerType::new(context, 64).into(),
        pointer: llvm::pointer(context, 0),
    };
    entry.declarations()?;
    let create = entry.create_ops()?;
    entry.run_ops()?;
    entry.tables(create, checksum)?;
    entry.interface()?;
    let initial = entry.globals.into_initial();
    Ok((module, initial))
}

struct Entry<'p, 'q, 'c, 'm> {
    model: &'p Model<'q>,
    globals: Globals<'c, 'm>,
    status: Type<'c>,
    size: Type<'c>,
    pointer: Type<'c>,
}

impl<'c> Entry<'_, '_, 'c, '_> {
    fn symbol(&self, suffix: &str) -> String {
        format!("{}_{suffix}", self.model.name)
    }

    /// Functions of the runtime, and kernels.
    fn declarations(&self) -> Made<()> {
        let (pointer, status, size) = (self.pointer, self.status, self.size);
        let mut external: BTreeMap<String, (Option<Type<'c>>, Vec<Type<'c>>)> = BTreeMap::new();
        for layer in &self.model.layers {
            match &layer.call {
                Call::Kernel(spec) => {
                    external.insert(spec.symbol_name(), (None, vec![pointer, pointer, size]));
                    let parallel = vec![pointer, status, pointer, pointer, size];
                    external.insert("ait_parallel".to_string(), (Some(status), parallel));
                }
                Call::Xnn(call) => {
                    let create =
                        [vec![pointer, status, pointer], vec![pointer; call.constants.len()]].concat();
                    external.insert(call.create.to_string(), (Some(status), create));
                    external
                        .insert("ait_xnn_run".to_string(), (Some(status), vec![pointer, status, pointer]));
                }
            }
        }
        for (name, (result, arguments)) in external {
            self.globals.declare(&name, result, &arguments)?;
        }
        Ok(())
    }

    /// `ait_create_fn`, if there is an XNNPACK operator to create.
    fn create_ops(&mut self) -> Made<Option<String>> {
        let model = self.model;
        let calls: Vec<(usize, &XnnCall)> = model
            .layers
            .iter()
            .enumerate()
            .filter_map(|(index, layer)| match &layer.call {
                Call::Xnn(call) => Some((index, call)),
                Call::Kernel(_) => None,
            })
            .collect();
        if calls.is_empty() {
            return Ok(None);
        }
        for (layer, call) in &calls {
            let integers = call.integers.iter().map(|&value| Constant::I64(value));
            let fields = integers.chain(call.floats.iter().map(|&value| Constant::F32(value))).collect();
            self.globals.constant(&parameters(*layer), Constant::Struct(fields), Linkage::Internal)?;
        }
        let name = self.symbol("create_ops");
        self.in_parts(&name, 2, &calls, |function, calls| {
            let (mut code, arguments) = function.entry()?;
            let [context, weights] = arguments[..] else {
                return Err("a function without arguments".into());
            };
            let exit = function.exit()?;
            for (layer, call) in calls {
                let mut operands = vec![context, code.integer(layer_number(*layer)?, 32)?];
                operands.push(code.address_of(&parameters(*layer))?);
                for constant in &call.constants {
                    operands.push(code.byte_offset(weights, constant.offset)?);
                }
                let status = code.call(call.create, &operands, Some(self.status))?;
                code = code.check(status.ok_or("a call without a result")?, function, exit)?;
            }
            let ok = code.integer(0, 32)?;
            code.r#return(Some(ok))
        })?;
        Ok(Some(name))
    }

    /// `ait_run_fn`: all layers in order.
    fn run_ops(&self) -> Made<()> {
        let layers: Vec<(usize, &Layer)> = self.model.layers.iter().enumerate().collect();
        let most = self.model.layers.iter().map(|layer| layer.arguments.len()).max().unwrap_or(0);
        self.in_parts(&self.symbol("run_ops"), 5, &layers, |function, layers| {
            let (code, arguments) = function.entry()?;
            let bases = Bases::new(&code, &arguments, self.model)?;
            let slots = code.pointers(most.max(1))?;
            let exit = function.exit()?;
            let mut code = code;
            for &layer in layers {
                code = self.run_layer(code, function, exit, &bases, slots, layer)?;
            }
            let ok = code.integer(0, 32)?;
            code.r#return(Some(ok))
        })
    }

    /// The function `name` of pointers to a status, whose body does something for each item: one function if they are
    /// few, else calls of `name.0`, `name.1` and so on, each for its part of them.
    fn in_parts<T>(
        &self,
        name: &str,
        arguments: usize,
        items: &[T],
        body: impl Fn(&Function<'c, '_>, &[T]) -> Made<()>,
    ) -> Made<()> {
        let (status, arguments) = (Some(self.status), vec![self.pointer; arguments]);
        let internal = Linkage::Internal;
        if items.len() <= MOST_CALLS {
            return self.globals.function(name, status, &arguments, internal, |it| body(it, items));
        }
        let mut parts = Vec::new();
        for (number, items) in items.chunks(MOST_CALLS).enumerate() {
            parts.push(format!("{name}.{number}"));
            self.globals.part(&format!("{name}.{number}"), status, &arguments, |it| body(it, items))?;
        }
        self.globals.function(name, status, &arguments, internal, |function| {
            let (mut code, arguments) = function.entry()?;
            let exit = function.exit()?;
            for part in &parts {
                let result = code.call(part, &arguments, status)?;
                code = code.check(result.ok_or("a call without a result")?, function, exit)?;
            }
            let ok = code.integer(0, 32)?;
            code.r#return(Some(ok))
        })
    }

    fn run_layer<'b>(
        &self,
        code: Code<'c, 'b>,
        function: &Function<'c, 'b>,
        exit: BlockRef<'c, 'b>,
        bases: &Bases<'c, 'b>,
        slots: Value<'c, 'b>,
        (index, layer): (usize, &Layer),
    ) -> Made<Code<'c, 'b>>
    where
        'c: 'b,
    {
        for (slot, address) in (0i32..).zip(&layer.arguments) {
            code.store_pointer(bases.address(&code, *address)?, slots, slot)?;
        }
        let number = code.integer(layer_number(index)?, 32)?;
        let status = match &layer.call {
            Call::Kernel(spec) => {
                let kernel = code.address_of(&spec.symbol_name())?;
                let operands = [bases.context, number, kernel, slots, code.integer(spec.tasks(), 64)?];
                code.call("ait_parallel", &operands, Some(self.status))?
            }
            Call::Xnn(_) => code.call("ait_xnn_run", &[bases.context, number, slots], Some(self.status))?,
        };
        code.check(status.ok_or("a call without a result")?, function, exit)
    }

    /// Descriptors and `<model>_program`.
    fn tables(&mut self, create: Option<String>, checksum: u64) -> Made<()> {
        let model = self.model;
        let inputs = self.table("inputs", &model.inputs, Self::tensor)?;
        let outputs = self.table("outputs", &model.outputs, Self::tensor)?;
        let layers = self.table("layers", &model.layers, Self::layer)?;
        let bytes = |bytes: u64| Constant::I64(bytes.cast_signed());
        let fields = vec![
            Constant::I64(ABI_VERSION),
            self.globals.string(&model.name)?,
            inputs,
            count(&model.inputs),
            outputs,
            count(&model.outputs),
            layers,
            count(&model.layers),
            bytes(model.arena_bytes),
            bytes(model.scratch_bytes()),
            bytes(model.weights_bytes),
            bytes(checksum),
            create.map_or(Constant::Null, Constant::Address),
            Constant::Address(self.symbol("run_ops")),
            Constant::I64(0),
        ];
        let program = self.symbol("program");
        self.globals.constant(&program, Constant::Struct(fields), Linkage::External)
    }

    /// An array global; null if there is nothing in it.
    fn table<T>(
        &mut self,
        name: &str,
        items: &[T],
        row: fn(&mut Self, &T) -> Made<Constant>,
    ) -> Made<Constant> {
        if items.is_empty() {
            return Ok(Constant::Null);
        }
        let rows = items.iter().map(|item| row(self, item)).collect::<Made<Vec<_>>>()?;
        let name = self.symbol(name);
        self.globals.constant(&name, Constant::Array(rows), Linkage::Internal)?;
        Ok(Constant::Address(name))
    }

    /// `ait_tensor_desc`.
    fn tensor(&mut self, tensor: &Tensor) -> Made<Constant> {
        let mut dims = tensor.shape.clone();
        dims.resize(MAX_RANK, 0);
        let rank = i64::try_from(tensor.shape.len()).map_err(|error| error.to_string())?;
        Ok(Constant::Struct(vec![
            self.globals.string(&tensor.name)?,
            Constant::I64(rank),
            Constant::Array(dims.into_iter().map(Constant::I64).collect()),
            Constant::I64(tensor.shape.iter().product()),
        ]))
    }

    /// `ait_layer_desc`.
    fn layer(&mut self, layer: &Layer) -> Made<Constant> {
        Ok(Constant::Struct(vec![
            self.globals.string(&layer.node)?,
            self.globals.string(&layer.op)?,
            self.globals.string(&layer.kernel())?,
            self.globals.string(layer.layout.map_or("", Layout::name))?,
            Constant::I64(layer.macs.cast_signed()),
        ]))
    }

    /// The C interface of the header: the runtime's functions under the model's name.
    fn interface(&self) -> Made<()> {
        let (pointer, status, size) = (self.pointer, self.status, self.size);
        let runtime = [pointer, pointer, size, status, pointer];
        self.globals.declare("ait_create", Some(status), &runtime)?;
        let model = self.symbol("program");
        let visible = Linkage::External;
        self.globals.function(&self.symbol("create"), Some(status), &runtime[1..], visible, |function| {
            let (code, arguments) = function.entry()?;
            let operands = [vec![code.address_of(&model)?], arguments].concat();
            let result = code.call("ait_create", &operands, Some(status))?;
            code.r#return(result)
        })?;
        for (suffix, result, arguments) in [
            ("input", Some(pointer), vec![pointer, size]),
            ("output", Some(pointer), vec![pointer, size]),
            ("run", Some(status), vec![pointer]),
            ("destroy", None, vec![pointer]),
        ] {
            let callee = format!("ait_{suffix}");
            self.globals.declare(&callee, result, &arguments)?;
            self.globals.function(&self.symbol(suffix), result, &arguments, visible, |function| {
                let (code, arguments) = function.entry()?;
                let result = code.call(&callee, &arguments, result)?;
                code.r#return(result)
            })?;
        }
        Ok(())
    }
}

/// What addresses count from, as values of the run function.
struct Bases<'c, 'b> {
    context: Value<'c, 'b>,
    inputs: Buffers<'c, 'b>,
    outputs: Buffers<'c, 'b>,
    arena: Value<'c, 'b>,
    weights: Value<'c, 'b>,
}

/// The array of the inputs or outputs, and what is in it, if that was loaded.
struct Buffers<'c, 'b> {
    array: Value<'c, 'b>,
    loaded: Vec<Value<'c, 'b>>,
}

impl<'c: 'b, 'b> Buffers<'c, 'b> {
    fn new(code: &Code<'c, 'b>, array: Value<'c, 'b>, loaded: usize) -> Made<Self> {
        let load = |index| code.load_pointer(array, i32::try_from(index).unwrap_or(0));
        Ok(Self { array, loaded: (0..loaded).map(load).collect::<Made<_>>()? })
    }

    fn get(&self, code: &Code<'c, 'b>, index: usize) -> Made<Value<'c, 'b>> {
        match self.loaded.get(index) {
            Some(buffer) => Ok(*buffer),
            None => {
                let index = i32::try_from(index).map_err(|_| "more inputs or outputs than 2^31")?;
                code.load_pointer(self.array, index)
            }
        }
    }
}

impl<'c: 'b, 'b> Bases<'c, 'b> {
    fn new(code: &Code<'c, 'b>, arguments: &[Value<'c, 'b>], model: &Model<'_>) -> Made<Self> {
        let &[context, inputs, outputs, arena, weights] = arguments else {
            return Err("a function without arguments".into());
        };
        let counts = [model.inputs.len(), model.outputs.len()];
        let [inputs_loaded, outputs_loaded] =
            if counts[0] + counts[1] <= MOST_LOADED { counts } else { [0, 0] };
        let inputs = Buffers::new(code, inputs, inputs_loaded)?;
        let outputs = Buffers::new(code, outputs, outputs_loaded)?;
        Ok(Self { context, inputs, outputs, arena, weights })
    }

    fn address(&self, code: &Code<'c, 'b>, address: Address) -> Made<Value<'c, 'b>> {
        let base = match address.base {
            Base::Input(index) => self.inputs.get(code, index)?,
            Base::Output(index) => self.outputs.get(code, index)?,
            Base::Arena => self.arena,
            Base::Weights => self.weights,
        };
        code.byte_offset(base, address.offset)
    }
}

fn parameters(layer: usize) -> String {
    format!("layer.{layer}.params")
}

fn layer_number(layer: usize) -> Made<i64> {
    i64::try_from(layer).map_err(|error| error.to_string())
}

fn count<T>(items: &[T]) -> Constant {
    Constant::I64(i64::try_from(items.len()).unwrap_or(i64::MAX))
}
