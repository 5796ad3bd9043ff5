//! The values of tables as LLVM constants.

use super::dialect::{Constant, Made};
use inkwell::AddressSpace;
use inkwell::module::Module;
use inkwell::types::BasicTypeEnum;
use inkwell::values::{BasicValueEnum, PointerValue};

/// Gives the globals of a module their values.
///
/// # Errors
/// If a symbol is not in the module.
pub fn set(module: &Module<'_>, values: &[(String, Constant)]) -> Made<()> {
    for (name, constant) in values {
        let global = module.get_global(name).ok_or_else(|| missing(name))?;
        global.set_initializer(&value(constant, module)?);
    }
    Ok(())
}

fn missing(symbol: &str) -> String {
    format!("there is no symbol {symbol}")
}

fn value<'l>(constant: &Constant, module: &Module<'l>) -> Made<BasicValueEnum<'l>> {
    let context = module.get_context();
    let all = |parts: &[Constant]| parts.iter().map(|part| value(part, module)).collect::<Made<Vec<_>>>();
    Ok(match constant {
        Constant::I64(value) => context.i64_type().const_int(value.cast_unsigned(), true).into(),
        Constant::F32(value) => context.f32_type().const_float(f64::from(*value)).into(),
        Constant::Address(symbol) => address(symbol, module)?.into(),
        Constant::Null => context.ptr_type(AddressSpace::default()).const_null().into(),
        Constant::Struct(fields) => context.const_struct(&all(fields)?, false).into(),
        Constant::Array(elements) => array(&all(elements)?)?,
    })
}

fn address<'l>(symbol: &str, module: &Module<'l>) -> Made<PointerValue<'l>> {
    let global = module.get_global(symbol);
    let function = || module.get_function(symbol).map(|function| function.as_global_value());
    Ok(global.or_else(function).ok_or_else(|| missing(symbol))?.as_pointer_value())
}

/// Tables have structs, shapes integers.
fn array<'l>(elements: &[BasicValueEnum<'l>]) -> Made<BasicValueEnum<'l>> {
    match elements.first().map(BasicValueEnum::get_type) {
        Some(BasicTypeEnum::StructType(r#type)) => {
            let structs: Vec<_> = elements.iter().map(|element| element.into_struct_value()).collect();
            Ok(r#type.const_array(&structs).into())
        }
        Some(BasicTypeEnum::IntType(r#type)) => {
            let integers: Vec<_> = elements.iter().map(|element| element.into_int_value()).collect();
            Ok(r#type.const_array(&integers).into())
        }
        _ => Err("a table is neither of structs nor of integers".to_string()),
    }
}
