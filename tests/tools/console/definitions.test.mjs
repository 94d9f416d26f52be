import { describe } from 'node:test'
describe('definitions', () => {})
