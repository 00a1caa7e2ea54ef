//go:build linux

package vmtest

// What each file system must show. A test that is named here and skips itself fails its run.
var (
	withVerity    = []string{"TestVerity", "TestVerityOfImmutable", "TestVerityRefusesWhatIsWritten", "TestVerityBesideChildren", "TestImmutable"}
	withoutVerity = []string{"TestWithoutVerity", "TestImmutable"}
	released      = []string{"TestImmutable", "TestImmutableAgain"}
	confined      = []string{"TestChildIsConfinedAndWorks", "TestEachDenial", "TestMemoryIsBounded", "TestTimeIsBounded", "TestOtherProgram", "TestKernelWithoutLandlock"}
	checked       = []string{"TestSickCheckersSayNo", "TestVerdictsNameEngineAndDigest", "TestDamageIsNotTheContentsFault", "TestStoppedIsNoVerdict", "TestWorstDecides", "TestCommands"}
)

// runs are the test programs and what each of them shows.
func runs() []run {
	return []run{
		{Name: "disk on ext4 with verity", Package: "hw/disk", On: "ext4-verity", All: true, Must: append(withVerity, "TestDamagedBlockIsNotRead")},
		{Name: "disk on ext4 with verity as a user", Package: "hw/disk", On: "ext4-verity", User: true, Must: []string{"TestVerity", "TestWithoutImmutable"}},
		{Name: "disk on btrfs", Package: "hw/disk", On: "btrfs", Must: withVerity},
		{Name: "disk on ext4", Package: "hw/disk", On: "ext4", Must: withoutVerity},
		{Name: "disk on xfs", Package: "hw/disk", On: "xfs", Must: withoutVerity},
		{Name: "disk on tmpfs", Package: "hw/disk", On: "tmpfs", Must: withoutVerity},
		{Name: "disk on ramfs", Package: "hw/disk", On: "ramfs", Must: []string{"TestWithoutVerity", "TestWithoutImmutable"}},
		{Name: "release on ext4 with verity", Package: "receiver/release", On: "ext4-verity", Must: append(released, "TestImmutableIsOnDisk")},
		{Name: "release on ext4 with verity as a user", Package: "receiver/release", On: "ext4-verity", User: true, Must: released},
		{Name: "release on btrfs", Package: "receiver/release", On: "btrfs", Must: released},
		{Name: "release on ext4", Package: "receiver/release", On: "ext4", Must: released},
		{Name: "release on xfs", Package: "receiver/release", On: "xfs", Must: released},
		{Name: "release on tmpfs", Package: "receiver/release", On: "tmpfs", Must: released},
		{Name: "release on ramfs", Package: "receiver/release", On: "ramfs", Must: released},
		{Name: "confine", Package: "hw/confine", All: true, Must: confined},
		{Name: "confine as a user", Package: "hw/confine", User: true, All: true, Must: confined},
		{Name: "checks as a user", Package: "receiver/check", User: true, Must: checked},
	}
}
