//! Generated kernels: every `rvv` op as an LLVM function, specialised on shapes, strides and attributes.
//!
//! | module | what |
//! |---|---|
//! | [`rvv`] | the typed RVV builder |
//! | [`epilogue`] | activations over register groups |
//! | [`combine`] | maxima and sums |
//! | [`name`] | symbols that spell all parameters |
//! | [`nest`] | loop nests of element-wise kernels, any strides |
//! | [`window`] | windows over packed planes |
//! | one per family | [`Family`]: parameters, limits, tasks, code |
//!
//! [`Kernel`] is one of the families, listed once in `families!` below.

pub mod combine;
pub mod conv2d;
pub mod depthwise;
pub mod elementwise;
pub mod epilogue;
pub mod global_pool;
pub mod matmul;
pub mod name;
pub mod nest;
pub mod nm_matmul;
pub mod pool;
pub mod rvv;
pub mod softmax;
pub mod split_phases;
#[cfg(test)]
mod testing;
pub mod tile;
pub mod window;

use ait_dialects::{access, types};
use inkwell::module::Module;
use inkwell::passes::PassBuilderOptions;
use inkwell::targets::TargetMachine;
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::r#type::{IntegerType, MemRefType, ShapedTypeLike};
use melior::ir::{TypeLike, Value, ValueLike};
use name::{Codec, Strided};
use rvv::{Pressure, Rvv, Width};
use std::fmt;
use std::str::FromStr;

/// Most bytes of scratch that a kernel may ask for.
pub const MAX_SCRATCH_BYTES: i64 = 256 << 10;

/// Kernels of one kind: plain data that determines the code.
pub trait Family: Clone + Default + PartialEq + fmt::Debug {
    /// Reads the parameters of an `rvv` op on memrefs; `buffers` are its operands.
    ///
    /// # Errors
    /// Says which attribute or operand cannot be used.
    fn from_op(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Self, String>;

    /// Lists all parameters, to write or read the name.
    ///
    /// # Errors
    /// When reading a name that does not fit.
    fn fields(&mut self, codec: &mut Codec<'_>) -> Result<(), String>;

    /// What the generator relies on: ranks, positive sizes, unit strides, the register budget.
    ///
    /// # Errors
    /// Names the limit that is exceeded.
    fn check(&self) -> Result<(), String>;

    /// Number of tasks, at least 1 unless there is nothing to write.
    fn tasks(&self) -> i64;

    /// Bytes of scratch per thread, at most [`MAX_SCRATCH_BYTES`].
    fn scratch_bytes(&self) -> i64 {
        0
    }

    /// Emits the body of the kernel. Called only if [`Self::check`] passed and there are tasks.
    fn body<'c>(&self, b: &Rvv<'c, '_>);
}

macro_rules! families {
    ($($(#[$doc:meta])* $variant:ident($type:ty) = $name:literal,)*) => {
        /// A kernel of any family.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Kernel {
            $($(#[$doc])* $variant($type),)*
        }

        impl Kernel {
            fn op_name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            fn read(op: OperationRef<'_, '_>, name: &str, buffers: Vec<Strided>) -> Result<Self, String> {
                match name {
                    $($name => <$type>::from_op(op, buffers).map(Self::$variant),)*
                    _ => Err("no kernel".to_owned()),
                }
            }

            fn fields(&mut self, codec: &mut Codec<'_>) -> Result<(), String> {
                match self { $(Self::$variant(kernel) => kernel.fields(codec),)* }
            }

            fn blank(family: &str) -> Option<Self> {
                $(
                    if symbol_family($name) == family {
                        return Some(Self::$variant(<$type>::default()));
                    }
                )*
                None
            }

            fn check(&self) -> Result<(), String> {
                match self { $(Self::$variant(kernel) => kernel.check(),)* }
            }

            /// Number of tasks; the same for every VLEN.
            pub fn tasks(&self) -> i64 {
                match self { $(Self::$variant(kernel) => kernel.tasks(),)* }
            }

            /// Bytes of scratch per thread.
            pub fn scratch_bytes(&self) -> i64 {
                match self { $(Self::$variant(kernel) => kernel.scratch_bytes(),)* }
            }

            fn body<'c>(&self, b: &Rvv<'c, '_>) {
                match self { $(Self::$variant(kernel) => kernel.body(b),)* }
            }
        }

        $(
            impl From<$type> for Kernel {
                fn from(kernel: $type) -> Self {
                    Self::$variant(kernel)
                }
            }
        )*
    };
}

families! {
    /// Dense convolution.
    Conv2d(conv2d::Conv2d) = "rvv.conv2d",
    /// Convolution with column-wise sparse weights.
    NmConv2d(conv2d::NmConv2d) = "nm.conv2d",
    /// Matrix product.
    Matmul(matmul::Matmul) = "rvv.matmul",
    /// Matrix product with column-wise sparse weights.
    NmMatmul(nm_matmul::NmMatmul) = "nm.matmul",
    /// Padded input of a convolution, split by its strides.
    SplitPhases(split_phases::SplitPhases) = "rvv.split_phases",
    /// Depthwise convolution.
    DepthwiseConv2d(depthwise::DepthwiseConv2d) = "rvv.depthwise_conv2d",
    /// Maximum or mean over windows.
    Pool2d(pool::Pool2d) = "rvv.pool2d",
    /// Maximum or mean over planes.
    GlobalPool(global_pool::GlobalPool) = "rvv.global_pool",
    /// Softmax.
    Softmax(softmax::Softmax) = "rvv.softmax",
    /// Element-wise function of two operands.
    Binary(elementwise::Binary) = "rvv.binary",
    /// Per channel scale and bias.
    ScaleBias(elementwise::ScaleBias) = "rvv.scale_bias",
    /// Activation.
    Unary(elementwise::Unary) = "rvv.unary",
    /// Copy between strides.
    Copy(elementwise::Copy) = "rvv.copy",
    /// Constant value.
    Fill(elementwise::Fill) = "rvv.fill",
}

/// Optimises a module of kernels. Loops stay as they are: kernels are unrolled by hand as far as registers reach.
///
/// # Errors
/// What LLVM's pass pipeline reports.
pub fn optimize(module: &Module<'_>, machine: &TargetMachine) -> Result<(), String> {
    let options = PassBuilderOptions::create();
    options.set_loop_unrolling(false);
    module.run_passes("default<O2>", machine, options).map_err(|error| error.to_string())
}

impl Kernel {
    /// The kernel of an `rvv` op on memrefs.
    ///
    /// # Errors
    /// If the op is no kernel, or its operands or attributes are beyond a stated limit.
    pub fn from_op(op: OperationRef<'_, '_>) -> Result<Self, String> {
        let name = op.name();
        let name = name.as_string_ref().as_str().map_err(|error| error.to_string())?;
        let fail = |message| format!("{name}: {message}");
        let strided = |operand: Value<'_, '_>| strided(operand.r#type());
        let buffers = op.operands().map(strided).collect::<Result<_, _>>().map_err(fail)?;
        Self::read(op, name, buffers).map_err(fail)?.checked()
    }

    fn checked(self) -> Result<Self, String> {
        self.check().map_err(|message| format!("{}: {message}", self.op_name()))?;
        let bytes = self.scratch_bytes();
        if bytes > MAX_SCRATCH_BYTES {
            return Err(format!("{}: {bytes} bytes of scratch are too many", self.op_name()));
        }
        Ok(self)
    }

    /// The kernel's symbol, which spells all its parameters; [`Kernel::from_str`] is the inverse.
    pub fn symbol_name(&self) -> String {
        let mut codec = Codec::Write(format!("rvv_{}", symbol_family(self.op_name())));
        // Writing cannot fail: errors come from reading alone.
        let _ = self.clone().fields(&mut codec);
        match codec {
            Codec::Write(name) => name,
            Codec::Read(_) => String::new(),
        }
    }

    /// Adds the function `void NAME(void *const *args, float *scratch, size_t task)` to the module, unless it is there:
    /// whether it was added and asks for all vector registers.
    ///
    /// # Errors
    /// As [`Kernel::from_op`], for kernels made by hand.
    pub fn emit(&self, module: &Module<'_>, pressure: Pressure) -> Result<bool, String> {
        self.clone().checked()?;
        let name = self.symbol_name();
        if module.get_function(&name).is_some_and(|function| function.count_basic_blocks() > 0) {
            return Ok(false);
        }
        Ok(Rvv::kernel(module, &name, pressure, |b| {
            if self.tasks() > 0 {
                self.body(b);
            }
        }))
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.symbol_name())
    }
}

impl FromStr for Kernel {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let fields = name.strip_prefix("rvv_").ok_or_else(|| format!("'{name}' is no kernel's name"))?;
        let (family, fields) = fields.split_once('_').unwrap_or((fields, ""));
        let mut kernel = Self::blank(family).ok_or_else(|| format!("no family '{family}'"))?;
        let mut codec = Codec::reader(fields);
        kernel.fields(&mut codec)?;
        match codec {
            Codec::Read(mut rest) => match rest.next() {
                None => kernel.checked(),
                Some(field) => Err(format!("unknown field '{field}' in a kernel's name")),
            },
            Codec::Write(_) => Err("a kernel's name cannot be read".to_owned()),
        }
    }
}

/// What the symbols of an op's kernels begin with, after `rvv_`: its name without `rvv.`, fields being separated by `_`.
fn symbol_family(op: &str) -> String {
    op.strip_prefix("rvv.").unwrap_or(op).replace('_', ".")
}

/// Shape and strides of a memref type; of `f32`, or of the integers of sparse weights.
fn strided(r#type: melior::ir::Type<'_>) -> Result<Strided, String> {
    let shape = types::shape(r#type)?;
    let memref = MemRefType::try_from(r#type).map_err(|_| format!("{type} is not a memref"))?;
    if !types::is_f32(r#type) && !memref.element().is_integer() {
        return Err(format!("{type} is not of f32 or integers"));
    }
    let (strides, _) = memref.strides_and_offset();
    if strides.len() != shape.len() || strides.iter().any(|stride| stride.unsigned_abs() > 1 << 40) {
        return Err(format!("{type} has dynamic or huge strides"));
    }
    Ok(Strided { shape, strides })
}

/// Checks that a constant operand is dense and has so many elements.
fn expect_elements(what: &str, buffer: &Strided, elements: i64) -> Result<(), String> {
    if buffer.elements() == elements && *buffer == Strided::dense(&buffer.shape) {
        return Ok(());
    }
    Err(format!("{what} {:?} does not have {elements} elements in a row", buffer.shape))
}

/// Size of the elements of an operand that holds unsigned integers.
///
/// # Errors
/// If they are no integers of 1, 2 or 4 bytes.
pub fn element_width(op: OperationRef<'_, '_>, operand: usize) -> Result<Width, String> {
    let r#type = access::operand(&op, operand).ok_or_else(|| format!("has no operand {operand}"))?.r#type();
    let element = MemRefType::try_from(r#type).and_then(|memref| IntegerType::try_from(memref.element()));
    let bits = element.map_err(|_| format!("{type} is not of integers"))?.width();
    Width::try_from(i64::from(bits / 8))
}

#[cfg(test)]
mod tests {
    use super::Kernel;
    use melior::ir::operation::{OperationLike, OperationRef};
    use melior::ir::{BlockLike, Module, RegionLike};

    /// The kernel of the first `rvv` kernel op in a function.
    fn kernel(arguments: &str, op: &str) -> Result<Kernel, String> {
        let context = ait_dialects::context();
        let text = format!("func.func @main({arguments}) {{ {op} return }}");
        let module = Module::parse(&context, &text).unwrap();
        let function: OperationRef = module.body().first_operation().unwrap();
        let block = function.region(0).unwrap().first_block().unwrap();
        Kernel::from_op(block.first_operation().unwrap())
    }

    const CONV: &str = r#""rvv.conv2d"(%in, %filter, %bias, %init) {
        kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>,
        dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "clip", min = 0.0 : f32, max = 6.0 : f32},
        algorithm = "packed", tile = 7 : i64, lmul = 4 : i64, unroll = 2 : i64}
        : (memref<2x3x8x8xf32, strided<[64, 128, 8, 1]>>, memref<1x2x27x7xf32>, memref<10xf32>,
           memref<2x10x4x4xf32, strided<[16, 32, 4, 1]>>) -> ()"#;
    const CONV_ARGUMENTS: &str = "%in: memref<2x3x8x8xf32, strided<[64, 128, 8, 1]>>, \
        %filter: memref<1x2x27x7xf32>, %bias: memref<10xf32>, \
        %init: memref<2x10x4x4xf32, strided<[16, 32, 4, 1]>>";

    #[test]
    fn ops_become_names() {
        let conv = kernel(CONV_ARGUMENTS, CONV).unwrap();
        let name = "rvv_conv2d_packed_t7_m4_u2_k3x3_s2x2_p1x1x1x1_d1x1_g1_in2x3x8x8.64x128x8x1_\
                    out2x10x4x4.16x32x4x1_res_act.clipx40c00000x00000000";
        assert_eq!(conv.to_string(), name);
        assert_eq!(name.parse(), Ok(conv));
        let matmul = r#""rvv.matmul"(%lhs, %rhs, %bias, %init)
            {epilogue = {act = "identity"}, tile = 3 : i64, lmul = 8 : i64}
            : (memref<4x5xf32>, memref<5x9xf32>, memref<9xf32>, memref<4x9xf32>) -> ()"#;
        let arguments =
            "%lhs: memref<4x5xf32>, %rhs: memref<5x9xf32>, %bias: memref<9xf32>, %init: memref<4x9xf32>";
        let name = "rvv_matmul_t3_m8_lhs4x5.5x1_rhs5x9.9x1_out4x9.9x1_res_act.identity";
        assert_eq!(kernel(arguments, matmul).unwrap().to_string(), name);
    }

    const SPARSE: &str = r#""nm.conv2d"(%in, %values, %columns, %starts, %bias, %init) {
        kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>,
        dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}, algorithm = "split",
        sparsity = #nm.columns<1 : i64, 2 : i64, 7 : i64>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
        : (memref<1x12x5x5xf32, strided<[25, 25, 5, 1]>>, memref<2x14x7xf32>, memref<2x14xi16>, memref<2x10xi32>,
           memref<10xf32>, memref<1x10x4x4xf32, strided<[16, 16, 4, 1]>>) -> ()"#;

    #[test]
    fn sparse_ops_become_names() {
        let arguments = "%in: memref<1x12x5x5xf32, strided<[25, 25, 5, 1]>>, %values: memref<2x14x7xf32>, \
            %columns: memref<2x14xi16>, %starts: memref<2x10xi32>, %bias: memref<10xf32>, \
            %init: memref<1x10x4x4xf32, strided<[16, 16, 4, 1]>>";
        let conv = kernel(arguments, SPARSE).unwrap();
        let name = "rvv_nm.conv2d_split_t7_m4_u4_n14_i2_k3x3_s2x2_p1x1x1x1_d1x1_g1_in1x12x5x5.25x25x5x1_\
                    out1x10x4x4.16x16x4x1_res_act.identity";
        assert_eq!(conv.to_string(), name);
        assert_eq!(name.parse(), Ok(conv));
        let error = |from: &str, to: &str| kernel(arguments, &SPARSE.replace(from, to)).unwrap_err();
        assert_eq!(error("segment = 3", "segment = 9"), "nm.conv2d: segments must be of 3 columns");
        assert_eq!(
            error("<1 : i64, 2 : i64", "<1 : i64, 4 : i64"),
            "nm.conv2d: values [2, 14, 7] does not have 98 elements in a row"
        );
    }

    #[test]
    fn sparse_products_and_splits_become_names() {
        let matmul = r#""nm.matmul"(%lhs, %values, %columns, %bias, %init)
            {epilogue = {act = "identity"}, sparsity = #nm.columns<2, 4, 8>, rows = 3 : i64, lmul = 8 : i64}
            : (memref<4x6xf32>, memref<2x3x8xf32>, memref<2x3xi16>, memref<9xf32>, memref<4x9xf32>) -> ()"#;
        let arguments = "%lhs: memref<4x6xf32>, %values: memref<2x3x8xf32>, %columns: memref<2x3xi16>, \
            %bias: memref<9xf32>, %init: memref<4x9xf32>";
        let name = "rvv_nm.matmul_r3_m8_t8_kept3_i2_lhs4x6.6x1_out4x9.9x1_res_act.identity";
        let parsed = kernel(arguments, matmul).unwrap();
        assert_eq!(parsed.to_string(), name);
        assert_eq!(name.parse(), Ok(parsed));
        let error = |from: &str, to: &str| {
            kernel(&arguments.replace(from, to), &matmul.replace(from, to)).unwrap_err()
        };
        assert_eq!(error("2x3xi16", "2x3xf32"), "nm.matmul: memref<2x3xf32> is not of integers");
        let short = "nm.matmul: values [2, 2, 8] does not have 48 elements in a row";
        assert_eq!(error("2x3x8xf32", "2x2x8xf32"), short);
        assert!(error("<9xf32>", "<8xf32>").contains("bias [8]"));
        let split = r#""rvv.split_phases"(%in, %init) {kernel = array<i64: 3, 3>, strides = array<i64: 1, 2>,
            pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, lmul = 4 : i64}
            : (memref<1x2x5x6xf32>, memref<1x4x7x4xf32>) -> ()"#;
        let arguments = "%in: memref<1x2x5x6xf32>, %init: memref<1x4x7x4xf32>";
        let name = "rvv_split.phases_k3x3_s1x2_p1x1x1x1_d1x1_m4_in1x2x5x6.60x30x6x1_out1x4x7x4.112x28x4x1";
        assert_eq!(kernel(arguments, split).unwrap().to_string(), name);
    }

    #[test]
    fn bad_ops_are_errors() {
        let error = |from: &str, to: &str| kernel(CONV_ARGUMENTS, &CONV.replace(from, to)).unwrap_err();
        assert_eq!(error("tile = 7", "tile = 8"), "rvv.conv2d: tile 8 at lmul 4 is outside 1 to 7");
        assert_eq!(
            error("tile = 7", "tile = 6"),
            "rvv.conv2d: filter [1, 2, 27, 7] does not have 324 elements in a row"
        );
        assert_eq!(error("lmul = 4", "lmul = 3"), "rvv.conv2d: lmul must be 1, 2, 4 or 8, not 3");
        assert!(
            error("kernel = array<i64: 3, 3>", "kernel = array<i64: 4611686018427387904, 3>")
                .contains("range")
        );
        assert!(error("\"packed\"", "\"winograd\"").contains("winograd"));
    }

    #[test]
    fn bad_names_are_errors() {
        let name = "rvv_matmul_t3_m8_lhs4x5.5x1_rhs5x9.9x1_out4x9.9x1_res_act.identity";
        for (from, to) in
            [("rvv_", ""), ("matmul", "matmal"), ("_m8", "_m3"), ("5x1_", "5_"), ("ity", "ity_x1")]
        {
            assert!(name.replace(from, to).parse::<Kernel>().is_err(), "{from} to {to}");
        }
    }
}
