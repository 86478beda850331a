//! The interface `columns`: the exact types and values of the columns of a call.

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use super::state::State;
use crate::values::{LogicalType, key_texts, logical_type};

/// `logical-type` in the contract.
#[derive(Debug, Clone, Copy, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
enum ContractType {
    #[component(name = "null")]
    Null,
    #[component(name = "boolean")]
    Boolean,
    #[component(name = "integer")]
    Integer,
    #[component(name = "float")]
    Float,
    #[component(name = "decimal")]
    Decimal,
    #[component(name = "text")]
    Text,
    #[component(name = "binary")]
    Binary,
    #[component(name = "json")]
    Json,
    #[component(name = "uuid")]
    Uuid,
    #[component(name = "date")]
    Date,
    #[component(name = "time")]
    Time,
    #[component(name = "timestamp")]
    Timestamp,
    #[component(name = "zoned-timestamp")]
    ZonedTimestamp,
    #[component(name = "duration")]
    Duration,
    #[component(name = "interval")]
    Interval,
    #[component(name = "list")]
    List,
    #[component(name = "struct")]
    Struct,
    #[component(name = "map")]
    Map,
}

/// `texts` in the contract.
#[derive(Debug, ComponentType, Lift, Lower)]
#[component(record)]
struct Texts {
    offsets: Vec<u32>,
    bytes: Vec<u8>,
}

/// Links the interface.
pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("stillbox:step/columns@0.1.0")?;
    instance.func_wrap("logical-types", |store: StoreContextMut<'_, State>, (): ()| {
        let types = store.data().columns().iter().map(|(field, _)| contract_type(logical_type(field)));
        Ok((types.collect::<Vec<_>>(),))
    })?;
    instance.func_wrap("keys", |store: StoreContextMut<'_, State>, (column,): (u32,)| {
        let keys = match store.data().columns().get(column as usize) {
            None => Err(format!("the batch has no column {column}")),
            Some((field, array)) => match key_texts(array, field) {
                Ok((offsets, bytes)) => Ok(Texts { offsets, bytes }),
                Err(error) => Err(error.to_string()),
            },
        };
        Ok((keys,))
    })
}

fn contract_type(logical: LogicalType) -> ContractType {
    match logical {
        LogicalType::Null => ContractType::Null,
        LogicalType::Boolean => ContractType::Boolean,
        LogicalType::Integer => ContractType::Integer,
        LogicalType::Float => ContractType::Float,
        LogicalType::Decimal => ContractType::Decimal,
        LogicalType::Text => ContractType::Text,
        LogicalType::Binary => ContractType::Binary,
        // No step reads a union.
        LogicalType::Json | LogicalType::Union => ContractType::Json,
        LogicalType::Uuid => ContractType::Uuid,
        LogicalType::Date => ContractType::Date,
        LogicalType::Time => ContractType::Time,
        LogicalType::Timestamp => ContractType::Timestamp,
        LogicalType::ZonedTimestamp => ContractType::ZonedTimestamp,
        LogicalType::Duration => ContractType::Duration,
        LogicalType::Interval => ContractType::Interval,
        LogicalType::List => ContractType::List,
        LogicalType::Struct => ContractType::Struct,
        LogicalType::Map => ContractType::Map,
    }
}
