-- Two databases, each with an owner of its own who cannot enter the other. The image runs this once, on an empty volume.

\getenv airflow_password AIRFLOW_DATABASE_PASSWORD
\getenv users_password USERS_DATABASE_PASSWORD

create role airflow login password :'airflow_password';
create role footfall login password :'users_password';

create database airflow owner airflow encoding 'UTF8' template template0;
create database users owner footfall encoding 'UTF8' template template0;

revoke all on database airflow from public;
revoke all on database users from public;
