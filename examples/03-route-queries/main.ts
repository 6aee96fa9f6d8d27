import { tour } from './tour.ts';

await tour(process.env['DATABASE_URL'] ?? 'sqlite::memory:');
