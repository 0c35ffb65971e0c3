//! What one system needs, known from its type alone.

use std::fmt::Write;

use ash::vk;
use vk::{AccessFlags2, ImageLayout, PipelineStageFlags2 as S};

use super::{text::role_name, words};
use crate::{
    graph::state::{Dependency, Scope},
    resource::{Access, GpuResourceKind, GpuResourceMeta, access::GRAPHICS_SHADERS},
};

/// What a system needs before it, and what those after it wait for: in words.
pub(crate) fn requirements(name: &str, reads: &[GpuResourceMeta], writes: &[GpuResourceMeta]) -> String {
    if reads.is_empty() && writes.is_empty() {
        return format!("`{name}` touches no GPU resource and needs no barrier\n");
    }
    let shaders = shaders(reads, writes);
    let mut out = format!("`{name}`\n");
    for meta in reads {
        resource(&mut out, "reads", meta, shaders);
        before(&mut out, meta, shaders);
        after(&mut out, meta, shaders);
    }
    for meta in writes {
        resource(&mut out, "writes", meta, shaders);
        before(&mut out, meta, shaders);
        after(&mut out, meta, shaders);
    }
    out
}

/// The stages of a system's shaders: those of graphics if it renders.
pub(super) fn shaders(reads: &[GpuResourceMeta], writes: &[GpuResourceMeta]) -> S {
    let draws = S::COLOR_ATTACHMENT_OUTPUT | S::EARLY_FRAGMENT_TESTS | S::LATE_FRAGMENT_TESTS;
    let renders = |meta: &GpuResourceMeta| meta.access.stages.intersects(draws);
    if reads.iter().chain(writes).any(renders) { GRAPHICS_SHADERS } else { S::COMPUTE_SHADER }
}

/// How a resource is touched by a system whose shaders run in these stages.
pub(super) fn resolved(meta: &GpuResourceMeta, shaders: S) -> Access {
    let Access { stages, .. } = meta.access;
    Access { stages: if stages.is_empty() { shaders } else { stages }, ..meta.access }
}

/// What it is called: its field, or its type and instance.
pub(super) fn name(meta: &GpuResourceMeta) -> String {
    match (meta.field, meta.instance) {
        (Some(field), _) => field.to_owned(),
        (None, Some(instance)) => format!("{} {instance:?}", meta.type_name),
        (None, None) => meta.type_name.to_owned(),
    }
}

fn resource(out: &mut String, verb: &str, meta: &GpuResourceMeta, shaders: S) {
    let type_name = meta.field.map_or_else(String::new, |_| format!(" ({})", meta.type_name));
    let role = match (meta.role, meta.inferred) {
        (Some(role), true) => format!(", role {} by the name of its type", role_name(role)),
        (Some(role), false) => format!(", role {}", role_name(role)),
        (None, _) => String::new(),
    };
    let touched = words::touched(&resolved(meta, shaders));
    _ = writeln!(out, "  {verb} `{}`{type_name}{role}: {touched}, as said by `{}`", name(meta), meta.attribute);
}

/// What must be over, and visible, before it.
fn before(out: &mut String, meta: &GpuResourceMeta, shaders: S) {
    let access = resolved(meta, shaders);
    let wanted = words::scope(&Scope::of(&access));
    _ = match meta.kind {
        GpuResourceKind::Image => writeln!(out, "    before: all that touched it -> {wanted}, in {:?}", access.layout),
        GpuResourceKind::Buffer if access.writes() => writeln!(out, "    before: all that touched it -> {wanted}"),
        GpuResourceKind::Buffer => writeln!(out, "    before: what wrote it -> {wanted}"),
    };
    // Who writes such data by its role, when this is read.
    let writer = meta.role.filter(|_| !access.writes()).map(|role| role.write(S::COMPUTE_SHADER));
    if let Some(writer) = writer {
        let source = Scope::written_by(&writer);
        let dependency = words::dependency(&Dependency { source, target: Scope::of(&access) });
        _ = writeln!(out, "      when {}: {dependency}", words::touched(&writer));
    }
}

/// What those after it wait for.
fn after(out: &mut String, meta: &GpuResourceMeta, shaders: S) {
    let access = resolved(meta, shaders);
    let scope = if access.writes() { Scope::written_by(&access) } else { Scope::execution(access.stages) };
    let who = if access.writes() { "all that touch it" } else { "what writes it" };
    _ = writeln!(out, "    after: {} -> {who}", words::scope(&scope));
    debug_assert!(access.writes() || scope.mask == AccessFlags2::NONE);
    debug_assert!(meta.kind == GpuResourceKind::Image || access.layout == ImageLayout::UNDEFINED);
}
