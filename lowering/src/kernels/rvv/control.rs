//! Loops and branches with carried values.

use super::{F, I, IntoX, Lmul, P, Rvv, V, Vl, X, built};
use crate::kernels::rvv::Cond;
use inkwell::values::{BasicValue, BasicValueEnum};

/// Values that a loop carries from one iteration to the next, or that a branch yields: any nesting of values,
/// options, pairs, triples and vectors; `()` for none.
pub trait Carry<'c>: Sized {
    /// The values in order.
    fn flatten(&self, into: &mut Vec<BasicValueEnum<'c>>);
    /// The same structure with other values.
    fn with(&self, values: &mut dyn Iterator<Item = BasicValueEnum<'c>>) -> Self;
}

macro_rules! carry_scalar {
    ($type:ident, $into:ident) => {
        impl<'c> Carry<'c> for $type<'c> {
            fn flatten(&self, into: &mut Vec<BasicValueEnum<'c>>) {
                into.push(self.0.as_basic_value_enum());
            }

            fn with(&self, values: &mut dyn Iterator<Item = BasicValueEnum<'c>>) -> Self {
                Self(values.next().map_or(self.0, BasicValueEnum::$into))
            }
        }
    };
}

carry_scalar!(X, into_int_value);
carry_scalar!(F, into_float_value);
carry_scalar!(P, into_pointer_value);

macro_rules! carry_vector {
    ($type:ident) => {
        impl<'c> Carry<'c> for $type<'c> {
            fn flatten(&self, into: &mut Vec<BasicValueEnum<'c>>) {
                into.push(self.value.as_basic_value_enum());
            }

            fn with(&self, values: &mut dyn Iterator<Item = BasicValueEnum<'c>>) -> Self {
                let value = values.next().map_or(self.value, BasicValueEnum::into_scalable_vector_value);
                Self { value, ..*self }
            }
        }
    };
}

carry_vector!(V);
carry_vector!(I);

impl<'c> Carry<'c> for () {
    fn flatten(&self, _: &mut Vec<BasicValueEnum<'c>>) {}

    fn with(&self, _: &mut dyn Iterator<Item = BasicValueEnum<'c>>) -> Self {}
}

impl<'c, A: Carry<'c>> Carry<'c> for Option<A> {
    fn flatten(&self, into: &mut Vec<BasicValueEnum<'c>>) {
        self.iter().for_each(|value| value.flatten(into));
    }

    fn with(&self, values: &mut dyn Iterator<Item = BasicValueEnum<'c>>) -> Self {
        self.as_ref().map(|value| value.with(values))
    }
}

impl<'c, A: Carry<'c>, B: Carry<'c>> Carry<'c> for (A, B) {
    fn flatten(&self, into: &mut Vec<BasicValueEnum<'c>>) {
        self.0.flatten(into);
        self.1.flatten(into);
    }

    fn with(&self, values: &mut dyn Iterator<Item = BasicValueEnum<'c>>) -> Self {
        (self.0.with(values), self.1.with(values))
    }
}

impl<'c, A: Carry<'c>, B: Carry<'c>, C: Carry<'c>> Carry<'c> for (A, B, C) {
    fn flatten(&self, into: &mut Vec<BasicValueEnum<'c>>) {
        self.0.flatten(into);
        self.1.flatten(into);
        self.2.flatten(into);
    }

    fn with(&self, values: &mut dyn Iterator<Item = BasicValueEnum<'c>>) -> Self {
        (self.0.with(values), self.1.with(values), self.2.with(values))
    }
}

impl<'c, A: Carry<'c>> Carry<'c> for Vec<A> {
    fn flatten(&self, into: &mut Vec<BasicValueEnum<'c>>) {
        self.iter().for_each(|item| item.flatten(into));
    }

    fn with(&self, values: &mut dyn Iterator<Item = BasicValueEnum<'c>>) -> Self {
        self.iter().map(|item| item.with(values)).collect()
    }
}

fn flat<'c>(carry: &impl Carry<'c>) -> Vec<BasicValueEnum<'c>> {
    let mut values = vec![];
    carry.flatten(&mut values);
    values
}

impl<'c> Rvv<'c, '_> {
    /// Keeps LLVM's scheduler, which would gather the loads of straight-line code until registers spill, from moving
    /// anything across. No instruction: the label that a CodeView annotation leaves ends a scheduling region.
    pub fn fence(&self) {
        let text = self.context.metadata_string("fence");
        let node = self.context.metadata_node(&[text.into()]);
        self.call("llvm.codeview.annotation", &[], &[node.into()]);
    }

    /// A use of a vector that is no instruction: it keeps its registers until here.
    pub fn keep(&self, v: V<'c>) {
        self.call("llvm.fake.use", &[], &[v.value.into()]);
    }

    /// `while cond(carry) { carry = body(carry) }`; the carried values after the loop.
    pub fn while_loop<C: Carry<'c>>(
        &self,
        init: C,
        cond: impl FnOnce(&C) -> Cond<'c>,
        body: impl FnOnce(C) -> C,
    ) -> C {
        let [head, inside, after] =
            std::array::from_fn(|_| self.context.append_basic_block(self.function, ""));
        let Some(before) = self.builder.get_insert_block() else { return init };
        built(self.builder.build_unconditional_branch(head));
        self.builder.position_at_end(head);
        let values = flat(&init);
        let phis: Vec<_> =
            values.iter().map(|value| built(self.builder.build_phi(value.get_type(), ""))).collect();
        let carried = |carry: &C| carry.with(&mut phis.iter().map(|phi| phi.as_basic_value()));
        let (tested, entering) = (carried(&init), carried(&init));
        built(self.builder.build_conditional_branch(cond(&tested).0, inside, after));
        self.builder.position_at_end(inside);
        let next = flat(&body(entering));
        let latch = self.builder.get_insert_block().unwrap_or(inside);
        built(self.builder.build_unconditional_branch(head));
        for ((phi, start), next) in phis.iter().zip(&values).zip(&next) {
            phi.add_incoming(&[(start, before), (next, latch)]);
        }
        self.builder.position_at_end(after);
        tested
    }

    /// `for i in (lo..hi).step_by(step)`, carrying values; the carried values after the loop.
    pub fn for_range<C: Carry<'c>>(
        &self,
        lo: impl IntoX<'c>,
        hi: impl IntoX<'c>,
        step: impl IntoX<'c>,
        init: C,
        body: impl FnOnce(X<'c>, C) -> C,
    ) -> C {
        let (lo, hi, step) = (lo.into_x(self), hi.into_x(self), step.into_x(self));
        let cond = |(i, _): &(X<'c>, C)| self.lt(*i, hi);
        self.while_loop((lo, init), cond, |(i, carry)| (self.add(i, step), body(i, carry))).1
    }

    /// Runs over `n` elements in strips of at most VLMAX: `body(first element, vl, carry)`.
    pub fn strips<C: Carry<'c>>(
        &self,
        n: impl IntoX<'c>,
        lmul: Lmul,
        init: C,
        body: impl FnOnce(X<'c>, Vl<'c>, C) -> C,
    ) -> C {
        let n = n.into_x(self);
        let cond = |(done, _): &(X<'c>, C)| self.lt(*done, n);
        let step = |(done, carry): (X<'c>, C)| {
            let vl = self.vsetvli(self.sub(n, done), lmul);
            let carry = body(done, vl, carry);
            (self.add(done, vl.x()), carry)
        };
        self.while_loop((self.c(0), init), cond, step).1
    }

    /// Both branches yield the same structure; the values of the one taken.
    pub fn if_else<C: Carry<'c>>(
        &self,
        cond: Cond<'c>,
        then: impl FnOnce() -> C,
        otherwise: impl FnOnce() -> C,
    ) -> C {
        let [yes, no, join] = std::array::from_fn(|_| self.context.append_basic_block(self.function, ""));
        built(self.builder.build_conditional_branch(cond.0, yes, no));
        self.builder.position_at_end(yes);
        let then = then();
        let then_end = self.builder.get_insert_block().unwrap_or(yes);
        built(self.builder.build_unconditional_branch(join));
        self.builder.position_at_end(no);
        let otherwise = otherwise();
        let otherwise_end = self.builder.get_insert_block().unwrap_or(no);
        built(self.builder.build_unconditional_branch(join));
        self.builder.position_at_end(join);
        let mut phis = vec![];
        for (a, b) in flat(&then).iter().zip(&flat(&otherwise)) {
            let phi = built(self.builder.build_phi(a.get_type(), ""));
            phi.add_incoming(&[(a, then_end), (b, otherwise_end)]);
            phis.push(phi.as_basic_value());
        }
        then.with(&mut phis.into_iter())
    }

    /// Runs `body` where the condition holds.
    pub fn when(&self, cond: Cond<'c>, body: impl FnOnce()) {
        self.if_else(cond, body, || ());
    }
}
