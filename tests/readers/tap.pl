# Reads TAP as Perl's harness does, and prints: passed, failed, skipped, and known to fail.
use strict;
use warnings;
use TAP::Parser;

my $tap = do { local $/; open my $file, '<', $ARGV[0] or die; <$file> };
my $parser = TAP::Parser->new({tap => $tap});
my %count = map { $_ => 0 } qw(passed failed skipped todo);
while (my $line = $parser->next) {
    die "not TAP: " . $line->as_string if $line->is_unknown;
    next unless $line->is_test;
    $count{
          $line->has_skip ? 'skipped'
        : $line->has_todo ? 'todo'
        : $line->is_ok    ? 'passed'
        :                   'failed'
    }++;
}
# Older versions read 14 as well, and say that they don't know the number.
my @errors = grep { !/version 14/ } $parser->parse_errors;
die @errors if @errors;
print "@count{qw(passed failed skipped todo)}\n";
