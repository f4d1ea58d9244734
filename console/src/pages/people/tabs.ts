/** The tabs of the page of people, as its address names them. */
export const peopleTabs = ['users', 'roles', 'tokens'] as const
export type PeopleTab = (typeof peopleTabs)[number]
export const isPeopleTab = (text: unknown): text is PeopleTab => peopleTabs.some((tab) => tab === text)
