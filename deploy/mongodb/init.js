// Makes a replica set of one member, MEMBER, unless it is one already, and waits until it takes writes.
const member = process.env.MEMBER;
if (!member) throw new Error('MEMBER is not set: the name and port by which clients reach the member');

const isInitiated = () => {
  try {
    return db.adminCommand({ replSetGetStatus: 1 }).ok === 1;
  } catch (error) {
    if (error.codeName === 'NotYetInitialized') return false;
    throw error;
  }
};

if (!isInitiated()) db.adminCommand({ replSetInitiate: { _id: 'rs0', members: [{ _id: 0, host: member }] } });

const SECONDS_MAX = 60;
for (let second = 0; !db.hello().isWritablePrimary; second += 1) {
  if (second === SECONDS_MAX) throw new Error(`${member} is not primary after ${SECONDS_MAX} s`);
  sleep(1000);
}
print(`${member} takes writes`);
