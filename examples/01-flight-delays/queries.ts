/**
 * The SQL of the workflow, the same on PostgreSQL, MySQL/MariaDB and SQLite. Databases sum and count, which is exact everywhere;
 * means are divided from that in JavaScript, because AVG is rounded differently by each.
 */

export const createAirports = `CREATE TABLE IF NOT EXISTS airports (
  iata VARCHAR(8) NOT NULL PRIMARY KEY,
  name VARCHAR(120) NOT NULL,
  city VARCHAR(80) NOT NULL,
  state VARCHAR(40) NOT NULL,
  country VARCHAR(60) NOT NULL,
  latitude DOUBLE PRECISION NOT NULL,
  longitude DOUBLE PRECISION NOT NULL
)`;

export const createFlights = `CREATE TABLE IF NOT EXISTS flights (
  id INTEGER NOT NULL PRIMARY KEY,
  flight_date VARCHAR(10) NOT NULL,
  departure_hour INTEGER NOT NULL,
  delay_minutes INTEGER NOT NULL,
  distance_miles INTEGER NOT NULL,
  origin VARCHAR(8) NOT NULL,
  destination VARCHAR(8) NOT NULL
)`;

/** Value: minutes from which on (exclusive) a flight counts as delayed. */
export const totals = `SELECT COUNT(*) AS flights,
  SUM(CASE WHEN delay_minutes > ? THEN 1 ELSE 0 END) AS delayed_flights,
  SUM(delay_minutes) AS delay_minutes,
  SUM(distance_miles) AS distance_miles
FROM flights`;

/** Value: the fewest flights that say something about an airport. */
export const byAirport = `SELECT f.origin AS iata, COALESCE(a.city, 'unknown') AS city,
  COUNT(*) AS flights, SUM(f.delay_minutes) AS delay_minutes
FROM flights f
LEFT JOIN airports a ON a.iata = f.origin
GROUP BY f.origin, a.city
HAVING COUNT(*) >= ?
ORDER BY f.origin`;

/** Value: the fewest flights that say something about an hour. */
export const byHour = `SELECT departure_hour AS hour, COUNT(*) AS flights, SUM(delay_minutes) AS delay_minutes
FROM flights
GROUP BY departure_hour
HAVING COUNT(*) >= ?
ORDER BY departure_hour`;

export const byDay = `SELECT flight_date AS date, COUNT(*) AS flights, SUM(delay_minutes) AS delay_minutes
FROM flights
GROUP BY flight_date
ORDER BY flight_date`;

/** Value: how many routes to list. */
export const byRoute = `SELECT f.origin, f.destination,
  COALESCE(o.city, 'unknown') AS origin_city, COALESCE(d.city, 'unknown') AS destination_city,
  COUNT(*) AS flights, SUM(f.delay_minutes) AS delay_minutes
FROM flights f
LEFT JOIN airports o ON o.iata = f.origin
LEFT JOIN airports d ON d.iata = f.destination
GROUP BY f.origin, f.destination, o.city, d.city
ORDER BY COUNT(*) DESC, f.origin, f.destination
LIMIT ?`;

/** Value: the fewest flights that make a day's mean worth judging. */
export const judgeableDays = `SELECT flight_date AS date, COUNT(*) AS flights, SUM(delay_minutes) AS delay_minutes
FROM flights
GROUP BY flight_date
HAVING COUNT(*) >= ?
ORDER BY flight_date`;
