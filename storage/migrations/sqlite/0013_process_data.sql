-- Rollups of process data that were made before were made across all elements and DDIs. The rest of this step on PostgreSQL is SQL functions.
update signal_name set name = name || ' (all elements and DDIs)'
where name in ('PD.process_command', 'PD.process_element', 'PD.process_entity', 'PD.process_value');
