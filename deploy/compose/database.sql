-- Makes the roles and the database of Furrow. The image of PostgreSQL runs it once, as superuser, on an empty volume.
\set ON_ERROR_STOP on
\set furrow_password `cat /run/secrets/furrow_db_password`
\set grafana_password `cat /run/secrets/grafana_db_password`
create role furrow login password :'furrow_password';
create role furrow_reader nologin;
create role furrow_writer nologin;
create role grafana login password :'grafana_password';
grant furrow_reader to grafana;
create database furrow owner furrow;
