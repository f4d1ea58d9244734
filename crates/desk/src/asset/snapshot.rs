//! A device as a management product reports it, in one shape for every product.

use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::AgentStatus;
use crate::input::{NAME_CHARS_MAX, check_name, invalid};
use crate::words::words;

/// The products whose devices are known by their own ids.
pub const PROVIDERS: &[&str] =
    &["ninjaone", "tacticalrmm", "tanium", "levelio", "datto", "connectwise_automate", "huntress", "intune"];

words! { Lifecycle { Active "active", Offline "offline", Deleted "deleted", Tombstoned "tombstoned" } }
words! {
    DeviceType {
        Unknown "unknown", Workstation "workstation", Server "server", NetworkDevice "network_device", MobileDevice "mobile_device",
    }
}

/// A device's report: camelCase, as the products' adapters write it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot {
    pub provider: String,
    /// Which connection to the product brought it.
    pub integration_id: Option<String>,
    pub external_device_id: String,
    /// The product's own tenant, site or organization: two of them may count alike.
    pub external_scope_id: Option<String>,
    #[serde(default)]
    pub lifecycle_state: Lifecycle,
    pub asset_type: Option<DeviceType>,
    pub display_name: Option<String>,
    pub serial_number: Option<String>,
    pub status: Option<String>,
    pub location: Option<String>,
    pub asset_tag: Option<String>,
    pub agent_status: Option<AgentStatus>,
    pub last_seen_at: Option<Timestamp>,
    pub extension: Option<Extension>,
    pub metadata: Option<Map<String, Value>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiskUsage {
    pub name: String,
    pub total_gb: Option<f64>,
    pub free_gb: Option<f64>,
    pub utilization_percent: Option<f64>,
}

/// What is reported of a device beside its name: whatever isn't known is left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Extension {
    #[serde(alias = "osType", skip_serializing_if = "Option::is_none")]
    pub os_type: Option<String>,
    #[serde(alias = "osVersion", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    #[serde(alias = "agentVersion", skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    #[serde(alias = "currentUser", skip_serializing_if = "Option::is_none")]
    pub current_user: Option<String>,
    #[serde(alias = "uptimeSeconds", skip_serializing_if = "Option::is_none")]
    pub uptime_seconds: Option<i64>,
    #[serde(alias = "lanIp", skip_serializing_if = "Option::is_none")]
    pub lan_ip: Option<String>,
    #[serde(alias = "wanIp", skip_serializing_if = "Option::is_none")]
    pub wan_ip: Option<String>,
    #[serde(alias = "antivirusStatus", skip_serializing_if = "Option::is_none")]
    pub antivirus_status: Option<String>,
    #[serde(alias = "antivirusProduct", skip_serializing_if = "Option::is_none")]
    pub antivirus_product: Option<String>,
    #[serde(alias = "lastRebootAt", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_reboot_at: Option<Timestamp>,
    #[serde(alias = "pendingPatches", skip_serializing_if = "Option::is_none")]
    pub pending_patches: Option<i64>,
    #[serde(alias = "pendingOsPatches", skip_serializing_if = "Option::is_none")]
    pub pending_os_patches: Option<i64>,
    #[serde(alias = "pendingSoftwarePatches", skip_serializing_if = "Option::is_none")]
    pub pending_software_patches: Option<i64>,
    #[serde(alias = "failedPatches", skip_serializing_if = "Option::is_none")]
    pub failed_patches: Option<i64>,
    #[serde(alias = "lastPatchScanAt", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_patch_scan_at: Option<Timestamp>,
    #[serde(alias = "cpuModel", skip_serializing_if = "Option::is_none")]
    pub cpu_model: Option<String>,
    #[serde(alias = "cpuCores", skip_serializing_if = "Option::is_none")]
    pub cpu_cores: Option<i64>,
    #[serde(alias = "ramGb", skip_serializing_if = "Option::is_none")]
    pub ram_gb: Option<f64>,
    #[serde(alias = "diskUsage", skip_serializing_if = "Option::is_none")]
    pub disk_usage: Option<Vec<DiskUsage>>,
    /// Names, or objects with a name and a version.
    #[serde(alias = "installedSoftware", skip_serializing_if = "Option::is_none")]
    pub installed_software: Option<Vec<Value>>,
    #[serde(alias = "systemInfo", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub system_info: Option<Map<String, Value>>,
}

impl Extension {
    /// What is reported now, and what was reported before where nothing is said of it now.
    pub fn updated(&self, newer: &Self) -> Self {
        let merged = |value: &Self| match serde_json::to_value(value) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let mut fields = merged(self);
        fields.extend(merged(newer));
        serde_json::from_value(Value::Object(fields)).unwrap_or_else(|_| newer.clone())
    }
}

impl Snapshot {
    /// From a mapped field, whose name stands before what is wrong.
    pub fn read(field: &str, value: &Value) -> Result<Self, ActionError> {
        let snapshot: Self = serde_path_to_error::deserialize(value.clone()).map_err(|error| {
            let (path, text) = (error.path().to_string(), error.inner().to_string());
            let place = if path == "." { field.to_owned() } else { format!("{field}.{path}") };
            // The parser's own words repeat a value that is of the wrong type; its expectation doesn't.
            match text.split_once("expected ") {
                Some((_, known)) if !text.starts_with("unknown field") => invalid(&place, format!("must be {known}")),
                _ => invalid(&place, text),
            }
        })?;
        check_name(&format!("{field}.externalDeviceId"), &snapshot.external_device_id, NAME_CHARS_MAX)?;
        if let Some(scope) = &snapshot.external_scope_id {
            check_name(&format!("{field}.externalScopeId"), scope, NAME_CHARS_MAX)?;
        }
        if !PROVIDERS.contains(&snapshot.provider.as_str()) {
            return Err(invalid(&format!("{field}.provider"), format!("must be one of {}", PROVIDERS.join(", "))));
        }
        Ok(snapshot)
    }

    pub fn is_gone(&self) -> bool {
        matches!(self.lifecycle_state, Lifecycle::Deleted | Lifecycle::Tombstoned)
    }

    pub fn agent(&self) -> Option<AgentStatus> {
        match self.lifecycle_state {
            Lifecycle::Active => self.agent_status,
            _ => Some(AgentStatus::Offline),
        }
    }
}
